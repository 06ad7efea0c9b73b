import { z } from "zod";
import { SEVERITIES, type Severity } from "./rule.ts";

export const ALERT_EVENTS = ["alert.raised", "alert.returned", "alert.acknowledged"] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

const KINDS_TO_COME = ["email", "slack", "sms", "in-app"];

export const channelBody = z.strictObject({
  kind: z.literal("webhook", {
    error: ({ input }) =>
      KINDS_TO_COME.includes(String(input))
        ? `this release notifies webhooks only, not '${String(input)}'`
        : "must be 'webhook'",
  }),
  url: z.url({ protocol: /^https?$/ }).max(2_000),
  /** Signs every body; write-only. */
  secret: z.string().min(1).max(256),
  minSeverity: z.enum(SEVERITIES).default("low"),
  events: z.array(z.enum(ALERT_EVENTS)).min(1).max(ALERT_EVENTS.length).default(["alert.raised"]),
});
export type ChannelBody = z.infer<typeof channelBody>;

/** A channel as the API answers it: without its secret. */
export interface Channel {
  readonly id: string;
  readonly kind: "webhook";
  readonly url: string;
  readonly minSeverity: Severity;
  readonly events: readonly AlertEvent[];
  readonly createdAt: string;
}
