import type { Request, Response } from "express";
import type { Credential } from "../../data/catalog/api-key.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TokenCheck } from "../entrance/token-check.ts";
import { clientAddress } from "./client-address.ts";

/** Who calls: what a credential proves and nothing that the request claims. */
export interface Caller extends Credential {
  /** Of who calls; headers that a client could forge are not read. */
  readonly address: string;
}

export type Authenticate = (request: Request, response: Response) => Promise<Caller>;

/**
 * Answers the caller of a request, within the rate of its credential.
 * @throws MillwrightError `unauthenticated`, with the same words whatever was wrong; `too-many-requests`
 */
export function authentication(
  tokens: Pick<TokenCheck, "check">,
  { isBehindGateway }: { readonly isBehindGateway: boolean },
): Authenticate {
  return async (request, response) => {
    const address = clientAddress(request, isBehindGateway);
    const [, token] = /^Bearer +([\x21-\x7e]{1,200})$/i.exec(request.get("authorization") ?? "") ?? [];
    const { credential, waitSeconds } = await tokens.check(token, address);
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
