import * as z from "zod";
import { channelHours, type ChannelHours } from "./channel-hours.ts";
import { SEVERITIES, type Severity } from "./rule.ts";
import { templateProblem } from "./template.ts";
import { HOUR_MS } from "./duration.ts";

export const CHANNEL_KINDS = ["webhook", "email", "slack", "sms", "sns", "in-app"] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

export const ALERT_EVENTS = ["alert.raised", "alert.returned", "alert.acknowledged"] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

/** All that a channel may be sent: what it asked for, what a flood was put into, and what a person tries it with. */
export const DELIVERY_EVENTS = [...ALERT_EVENTS, "alert.digest", "channel.test"] as const;
export type DeliveryEvent = (typeof DELIVERY_EVENTS)[number];

/** A wall of displays and a shift's phones; more, and one alert costs as many messages. */
export const MAX_CHANNELS = 50;

const template = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .check(({ value, issues }) => {
      const message = templateProblem(value);
      if (message !== undefined) issues.push({ code: "custom", input: value, message });
    });

export const channelTemplate = z.strictObject({
  // a subject of two lines is two headers
  subject: template(200)
    .regex(/^\P{Cc}*$/u, "no control characters")
    .optional(),
  body: template(4_000).optional(),
});
export type ChannelTemplate = z.infer<typeof channelTemplate>;

const url = z.url({ protocol: /^https?$/ }).max(2_000);

/** What every kind of channel may ask for. */
const routing = {
  minSeverity: z.enum(SEVERITIES).default("low"),
  events: z.array(z.enum(ALERT_EVENTS)).min(1).max(ALERT_EVENTS.length).default(["alert.raised"]),
  hours: channelHours.optional().meta({ description: "What comes outside waits for their begin" }),
  escalateAfterMs: z
    .int()
    .min(1_000)
    .max(7 * 24 * HOUR_MS)
    .optional()
    .meta({ description: "Hears of an alert only when nobody has acknowledged it, and it lasts, by then" }),
  dedupMs: z
    .int()
    .min(1_000)
    .max(24 * HOUR_MS)
    .optional()
    .meta({ description: "After a message of a rule and machine, further ones are dropped for so long" }),
  maxPerMinute: limitPerMinute().optional(),
};

function limitPerMinute() {
  const description =
    "What comes above it in a minute is collected and sent as one digest when the minute is over";
  return z.int().min(1).max(1_000).meta({ description });
}

export const channelBody = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("webhook"),
    url,
    secret: z.string().min(1).max(256).meta({ description: "Signs every body; write-only" }),
    ...routing,
  }),
  z.strictObject({
    kind: z.literal("email"),
    to: z.array(z.email().max(254)).min(1).max(20),
    template: channelTemplate.optional(),
    ...routing,
    maxPerMinute: limitPerMinute().default(10),
  }),
  z.strictObject({
    kind: z.literal("slack"),
    url: url.meta({ description: "Of the incoming webhook; write-only, because who knows it may post" }),
    template: channelTemplate.pick({ body: true }).optional(),
    ...routing,
    maxPerMinute: limitPerMinute().default(30),
  }),
  z.strictObject({
    kind: z.literal("sms"),
    phoneNumber: z.string().regex(/^\+[1-9]\d{6,14}$/, "must be as +4915112345678"),
    template: channelTemplate.pick({ body: true }).optional(),
    ...routing,
    minSeverity: routing.minSeverity.default("critical"),
    maxPerMinute: limitPerMinute().default(5),
  }),
  z.strictObject({
    kind: z.literal("sns"),
    topicArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]{1,30}:\d{12}:[A-Za-z0-9_-]{1,256}$/, "must be a topic's ARN"),
    template: channelTemplate.optional(),
    ...routing,
  }),
  z.strictObject({ kind: z.literal("in-app"), template: channelTemplate.optional(), ...routing }),
]);
export type ChannelBody = z.infer<typeof channelBody>;

/** What a channel is known by; of Slack's address its host alone. */
export interface ChannelSettings {
  readonly url?: string;
  readonly host?: string;
  readonly to?: readonly string[];
  readonly phoneNumber?: string;
  readonly topicArn?: string;
}

/** What nobody is shown. */
export interface ChannelSecrets {
  readonly secret?: string;
  readonly url?: string;
}

/** A channel as the API answers it: without its secrets. */
export interface Channel extends ChannelSettings {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly minSeverity: Severity;
  readonly events: readonly AlertEvent[];
  readonly template: ChannelTemplate | null;
  readonly hours: ChannelHours | null;
  readonly escalateAfterMs: number | null;
  readonly dedupMs: number | null;
  readonly maxPerMinute: number | null;
  readonly createdAt: string;
}

/** Parts what may be shown from what may not. */
export function partsOf(body: ChannelBody): {
  readonly settings: ChannelSettings;
  readonly secrets: ChannelSecrets;
} {
  switch (body.kind) {
    case "webhook":
      return { settings: { url: body.url }, secrets: { secret: body.secret } };
    case "slack":
      return { settings: { host: new URL(body.url).host }, secrets: { url: body.url } };
    case "email":
      return { settings: { to: body.to }, secrets: {} };
    case "sms":
      return { settings: { phoneNumber: body.phoneNumber }, secrets: {} };
    case "sns":
      return { settings: { topicArn: body.topicArn }, secrets: {} };
    case "in-app":
      return { settings: {}, secrets: {} };
  }
}
