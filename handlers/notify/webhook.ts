import { createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { checkedAddresses, parseWebhookUrl, type WebhookPolicy } from "./webhook-guard.ts";

// A receiver that needs longer should answer first and work then. Longer: a dead one holds its channel's slots.
export const WEBHOOK_TIMEOUT_MS = 5_000;

export interface WebhookRequest {
  readonly url: string;
  readonly secret: string;
  readonly body: string;
  readonly policy: WebhookPolicy;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** `t=SECONDS,v1=HEX`: the time is signed with the body, so that a receiver can refuse what is replayed. */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}

/**
 * Posts one signed body and answers the HTTP status. Redirects are answers like others (following one would walk around
 * the guard); the answer's body is thrown away unread.
 */
export async function postWebhook(request: WebhookRequest): Promise<number> {
  const url = parseWebhookUrl(request.url);
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)]);
  // A name service that is slow, or a tenant's and slow on purpose, takes no longer than a receiver may.
  const addresses = await Promise.race([checkedAddresses(url, request.policy), abortOf(signal)]);
  const toChecked: LookupFunction = (_host, options, answer) => {
    const [first] = addresses;
    if (options.all) answer(null, [...addresses]);
    else answer(null, first?.address ?? "", first?.family);
  };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const outgoing = (url.protocol === "https:" ? https : http).request(
    url,
    {
      method: "POST",
      agent: false, // a kept connection may have been closed by the receiver meanwhile and cost a retry
      lookup: toChecked,
      signal,
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(request.body),
        "user-agent": "Millwright/1",
        "x-millwright-signature": signatureOf(request.secret, request.body, request.nowMs),
      },
    },
    (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    },
  );
  outgoing.on("error", reject);
  outgoing.end(request.body);
  return promise;
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
