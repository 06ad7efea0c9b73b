import { createHmac } from "node:crypto";
import type { WebhookPolicy } from "../webhook-guard.ts";
import type { ChannelSender } from "./channel-sender.ts";
import { guardedPost } from "./guarded-post.ts";

/** A signed body for programs; everything but a 2xx is tried again. */
export function webhookSender(policy: WebhookPolicy): ChannelSender {
  return async ({ settings, secrets, body, nowMs, signal }) => {
    const text = JSON.stringify(body);
    const headers = { "x-millwright-signature": signatureOf(secrets.secret ?? "", text, nowMs) };
    const status = await guardedPost({ url: settings.url ?? "", body: text, headers, policy, signal });
    const isTaken = status >= 200 && status < 300;
    return { result: isTaken ? "delivered" : "failed", status, error: null };
  };
}

/** `t=SECONDS,v1=HEX`: the time is signed with the body, so that a receiver can refuse what is replayed. */
function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}
