import type pg from "pg";
import type { ChannelKind } from "../../../model/channel.ts";
import type { NotifySettings } from "../../../model/notify-settings.ts";
import type { WebhookPolicy } from "../webhook-guard.ts";
import { sesSender, smsSender, snsSender } from "./aws.ts";
import type { ChannelSender } from "./channel-sender.ts";
import { smtpSender } from "./email.ts";
import { inAppSender } from "./in-app.ts";
import { slackSender } from "./slack.ts";
import { webhookSender } from "./webhook.ts";

/** How this installation sends; a kind that it was not set up for is missing. */
export type Senders = Readonly<Partial<Record<ChannelKind, ChannelSender>>>;

/** @param pool - the catalog, as its service role */
export function openSenders(
  pool: pg.Pool,
  policy: WebhookPolicy,
  { smtp, ses, sns }: NotifySettings,
): Senders {
  const email = smtp !== undefined ? smtpSender(smtp) : ses !== undefined ? sesSender(ses) : undefined;
  return {
    webhook: webhookSender(policy),
    slack: slackSender(policy),
    "in-app": inAppSender(pool),
    ...(email === undefined ? {} : { email }),
    ...(sns === undefined ? {} : { sns: snsSender(sns), sms: smsSender(sns) }),
  };
}
