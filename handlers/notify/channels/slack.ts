import { textOf } from "../../../model/notification.ts";
import { ESCAPES } from "../../../model/template.ts";
import type { WebhookPolicy } from "../webhook-guard.ts";
import type { ChannelSender } from "./channel-sender.ts";
import { guardedPost } from "./guarded-post.ts";

/** Slack cuts a longer text by itself, Mattermost refuses it at 16,383. */
const MAX_TEXT_LENGTH = 12_000;

/** What Slack answers for a hook that is gone or a message that it will never take. */
const FOR_GOOD = [400, 403, 404, 410];

/** Slack's incoming webhooks, which Mattermost, Rocket.Chat and Zulip take as well: `{"text":…}`. */
export function slackSender(policy: WebhookPolicy): ChannelSender {
  return async ({ secrets, notification, signal }) => {
    const text = textOf(notification, ESCAPES.slack).slice(0, MAX_TEXT_LENGTH).toWellFormed();
    const body = JSON.stringify({ text });
    const status = await guardedPost({ url: secrets.url ?? "", body, headers: {}, policy, signal });
    if (status >= 200 && status < 300) return { result: "delivered", status, error: null };
    return { result: FOR_GOOD.includes(status) ? "refused" : "failed", status, error: null };
  };
}
