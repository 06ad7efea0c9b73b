/** Marks a secret in an exported deployment (pulumi/sdk/go/common/resource/sig). */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

/** Shorter values would hit ordinary words; our own secrets have 32 characters and more. */
const SHORTEST_SECRET = 4;
const MASK = "[secret]";

/** Replaces every secret, also where it stands percent-encoded in a URL or escaped in JSON. */
export function redactor(secrets: Iterable<string>): (text: string) => string {
  const variants = [...secrets]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // longest first: a secret that contains another must go whole
  const ordered = [...new Set(variants)].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((result, secret) => result.replaceAll(secret, MASK), text);
}

/**
 * The secret strings of a deployment exported with `--show-secrets`. Of a secret object (an address with its password)
 * each string is taken, but not one that the deployment also holds in plain text: that is a host name, not a secret.
 */
export function secretsOf(deployment: unknown): Set<string> {
  const secrets = new Set<string>();
  const plain = new Set<string>();
  const visit = (value: unknown, found: Set<string>): void => {
    if (typeof value === "string") found.add(value);
    if (typeof value !== "object" || value === null) return;
    const record = value as Record<string, unknown>;
    if (record[SIGNATURE_KEY] === SECRET_SIGNATURE) {
      if (typeof record["plaintext"] === "string") visit(JSON.parse(record["plaintext"]), secrets);
    } else {
      for (const item of Object.values(record)) visit(item, found);
    }
  };
  visit(deployment, plain);
  return new Set([...secrets].filter((secret) => !plain.has(secret)));
}
