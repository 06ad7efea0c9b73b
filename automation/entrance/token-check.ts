import { createHash, timingSafeEqual } from "node:crypto";
import { findCredential, type Credential } from "../../data/catalog/api-key.ts";
import type { Queryable } from "../../data/pool.ts";
import { networkOf } from "./network.ts";
import { CREDENTIAL_RATE, FAILED_LOGIN_RATE, RateLimiter } from "./rate-limit.ts";

/** Stands for the admin token, which is no key. */
export const ADMIN_TOKEN_ID = "admin-token";

interface Credentials {
  readonly adminToken: string;
  /** Sees the keys of all tenants. */
  readonly keys: Queryable;
  readonly nowMs: () => number;
}

/** What a token proves, and how long its bearer (or its guesser) must wait before the next try; 0: not at all. */
export interface TokenVerdict {
  readonly credential: Credential | undefined;
  readonly waitSeconds: number;
}

export interface TokenCheck {
  /** @param address - of the other end of the connection; failures count against it */
  readonly check: (token: string | undefined, address: string) => Promise<TokenVerdict>;
  /** Counts one more call (or message) of a credential; answers the seconds to wait, 0 when it is within its rate. */
  readonly count: (credentialId: string) => number;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();

/** Tokens that proved something, by hash: some 10 MB. */
const MAX_KNOWN = 50_000;

/**
 * Tells whom a token stands for, within the rates of credentials and of failures; one for all entrances. An address
 * that failed too often is turned away before the catalog is asked, except with a token that was good before: machines
 * behind one gateway must not lock each other out (ADR 21).
 */
export function tokenCheck({ adminToken, keys, nowMs }: Credentials): TokenCheck {
  const adminHash = hashOf(adminToken);
  const calls = new RateLimiter(CREDENTIAL_RATE, nowMs);
  const failures = new RateLimiter(FAILED_LOGIN_RATE, nowMs);
  const known = new Set<string>();

  return {
    async check(token = "", address) {
      const hash = hashOf(token);
      // Hashes have one length, and comparing them takes the same time wherever they differ.
      if (timingSafeEqual(hash, adminHash)) {
        const credential = {
          id: ADMIN_TOKEN_ID,
          role: "platform-admin",
          tenant: undefined,
          machineId: undefined,
        } as const;
        return { credential, waitSeconds: calls.take(ADMIN_TOKEN_ID) };
      }
      const [name, network] = [hash.toString("base64"), networkOf(address)];
      const waitSeconds = known.has(name) ? 0 : failures.look(network);
      if (waitSeconds > 0) return { credential: undefined, waitSeconds };
      // Also what is known is asked for each time: a revocation is in force at once.
      const credential = await findCredential(keys, token);
      known.delete(name);
      if (credential === undefined) return { credential, waitSeconds: failures.take(network) };
      known.add(name); // the one used last stands last
      if (known.size > MAX_KNOWN) known.delete(known.values().next().value ?? "");
      return { credential, waitSeconds: calls.take(credential.id) };
    },
    count: (credentialId) => calls.take(credentialId),
  };
}
