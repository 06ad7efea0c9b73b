import { isLoginRefused, isSomeCause } from "../data/pool.ts";
import { MillwrightError } from "../model/errors.ts";

/** Something with connections, kept from one invocation of a function to the next. */
export interface Opened {
  readonly close: () => Promise<void>;
}

/**
 * Opens what a function works with when it is first invoked, and keeps it. When a database refuses the login, or shows
 * another certificate than the one that is pinned, the secrets were rotated: all is opened again with what they are now
 * and the work is run once more, which every handler allows, because every event may come twice. What could not be
 * opened is tried again with the next invocation.
 * @param open - reads the secrets
 * @throws MillwrightError `database-unavailable` where the certificate is another one still
 */
export function openedBySecrets<T extends Opened>(open: () => Promise<T>) {
  let opened: Promise<T> | undefined;

  async function current(): Promise<T> {
    opened ??= open();
    const mine = opened;
    try {
      return await mine;
    } catch (error) {
      if (opened === mine) opened = undefined;
      throw error;
    }
  }

  return async <R>(work: (opened: T) => Promise<R>): Promise<R> => {
    const first = await current();
    try {
      return await work(first);
    } catch (error) {
      if (!isLoginRefused(error) && !isUnproven(error)) throw error;
      opened = undefined;
      await first.close();
      return work(await current()).catch((reason: unknown) => {
        throw isUnproven(reason) ? unproven(reason) : reason;
      });
    }
  };
}

/** How Node names what is wrong with a server's certificate (nodejs.org/api/tls.html, X509 certificate error codes). */
function isUnproven(error: unknown): boolean {
  return isSomeCause(error, (one) => {
    const code = String((one as { code?: unknown } | undefined)?.code);
    return /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_ALTNAME)/.test(code);
  });
}

function unproven(cause: unknown): MillwrightError {
  const message =
    "A database server shows another certificate than the one in the secret of its login. If it was replaced on purpose, " +
    `bring its stack up again, which pins the new one. (${String(cause)})`;
  return new MillwrightError("database-unavailable", message, { retryable: true, cause });
}
