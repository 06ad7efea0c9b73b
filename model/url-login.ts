export const BAD_ESCAPE = "has a % in its user or password that begins no escape; write it as %25";

/** Whether user and password in a URL can be decoded: else a bad escape would only be found at the first login. */
export function hasReadableLogin(url: string): boolean {
  const { username = "", password = "" } = URL.parse(url) ?? {};
  try {
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}
