import { createHash, timingSafeEqual } from "node:crypto";
import { findCredential, type Credential } from "../../data/catalog/api-key.ts";
import type { Queryable } from "../../data/pool.ts";
import { CREDENTIAL_RATE, FAILED_LOGIN_RATE, RateLimiter } from "./rate-limit.ts";

/** Stands for the admin token, which is no key. */
export const ADMIN_TOKEN_ID = "admin-token";

export interface Credentials {
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

/** Tells whom a token stands for, within the rates of credentials and of failures. */
export function tokenCheck({ adminToken, keys, nowMs }: Credentials): TokenCheck {
  const adminHash = hashOf(adminToken);
  const calls = new RateLimiter(CREDENTIAL_RATE, nowMs);
  const failures = new RateLimiter(FAILED_LOGIN_RATE, nowMs);

  const credentialOf = async (token: string | undefined): Promise<Credential | undefined> => {
    if (token === undefined) return undefined;
    // Hashes have one length, and comparing them takes the same time wherever they differ.
    if (timingSafeEqual(hashOf(token), adminHash))
      return { id: ADMIN_TOKEN_ID, role: "platform-admin", tenant: undefined, machineId: undefined };
    return findCredential(keys, token);
  };

  return {
    async check(token, address) {
      const credential = await credentialOf(token);
      // Only failures count against an address: machines behind one gateway must not lock each other out.
      const waitSeconds = credential === undefined ? failures.take(address) : calls.take(credential.id);
      return { credential, waitSeconds };
    },
    count: (credentialId) => calls.take(credentialId),
  };
}
