import { createHash, timingSafeEqual } from "node:crypto";
import type { Request, Response } from "express";
import { findCredential, type Credential } from "../../data/catalog/api-key.ts";
import type { Queryable } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { CREDENTIAL_RATE, FAILED_LOGIN_RATE, RateLimiter } from "./rate-limit.ts";

/** Who calls: what a credential proves and nothing that the request claims. */
export interface Caller extends Credential {
  /** Of the other end of the connection; headers that a client could forge are not read. */
  readonly address: string;
}

export type Authenticate = (request: Request, response: Response) => Promise<Caller>;

export interface Credentials {
  readonly adminToken: string;
  /** Sees the keys of all tenants. */
  readonly keys: Queryable;
  readonly nowMs: () => number;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();

/**
 * Answers the caller of a request, within the rate of its credential.
 * @throws MillwrightError `unauthenticated`, with the same words whatever was wrong; `too-many-requests`
 */
export function authentication({ adminToken, keys, nowMs }: Credentials): Authenticate {
  const adminHash = hashOf(adminToken);
  const calls = new RateLimiter(CREDENTIAL_RATE, nowMs);
  const failures = new RateLimiter(FAILED_LOGIN_RATE, nowMs);

  const credentialOf = async (token: string | undefined): Promise<Credential | undefined> => {
    if (token === undefined) return undefined;
    // Hashes have one length, and comparing them takes the same time wherever they differ.
    if (timingSafeEqual(hashOf(token), adminHash))
      return { id: "admin-token", role: "platform-admin", tenant: undefined };
    return findCredential(keys, token);
  };

  return async (request, response) => {
    const address = request.socket.remoteAddress ?? "unknown";
    const [, token] = /^Bearer +([\x21-\x7e]{1,200})$/i.exec(request.get("authorization") ?? "") ?? [];
    const credential = await credentialOf(token);
    // Only failures count against an address: machines behind one gateway must not lock each other out.
    const waitSeconds = credential === undefined ? failures.take(address) : calls.take(credential.id);
    if (waitSeconds > 0) {
      response.set("Retry-After", String(waitSeconds));
      const message = `Too many requests; try again in ${waitSeconds} s.`;
      throw new MillwrightError("too-many-requests", message, { retryable: true });
    }
    if (credential === undefined) {
      response.set("WWW-Authenticate", 'Bearer realm="millwright"');
      throw new MillwrightError("unauthenticated", "Send `Authorization: Bearer TOKEN` with a valid token.");
    }
    return { ...credential, address };
  };
}
