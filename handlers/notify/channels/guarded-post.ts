import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { abortOf } from "../../../data/wait.ts";
import { checkedAddresses, parseWebhookUrl, type WebhookPolicy } from "../webhook-guard.ts";

export interface GuardedPost {
  readonly url: string;
  /** JSON */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: WebhookPolicy;
  readonly signal: AbortSignal;
}

/**
 * Posts to an address that a tenant chose and answers the HTTP status. Redirects are answers like others (following one
 * would walk around the guard); the answer's body is thrown away unread.
 * @throws MillwrightError `channel-refused`, or the connection's own error
 */
export async function guardedPost({
  url: text,
  body,
  headers,
  policy,
  signal,
}: GuardedPost): Promise<number> {
  const url = parseWebhookUrl(text);
  // A name service that is slow, or a tenant's and slow on purpose, takes no longer than a receiver may.
  const addresses = await Promise.race([checkedAddresses(url, policy), abortOf(signal)]);
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
        "content-length": Buffer.byteLength(body),
        "user-agent": "Millwright/1",
        ...headers,
      },
    },
    (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    },
  );
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}
