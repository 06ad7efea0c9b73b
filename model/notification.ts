import type { ChannelTemplate, DeliveryEvent } from "./channel.ts";
import type { AlertValue } from "./condition-state.ts";
import { SEVERITIES, type Severity } from "./rule.ts";
import { ESCAPES, renderTemplate, type Escape, type TemplateView } from "./template.ts";

/** What a message says of an alert; the texts are the tenant's own names, of any content. */
export interface AlertFacts {
  readonly alertId: string;
  readonly rule: string;
  readonly ruleName: string;
  readonly machineId: string;
  readonly metric: string;
  readonly severity: Severity;
  readonly value: AlertValue;
  readonly raisedAt: string;
}

/** What is to be said on a channel, before it has the form of a kind. */
export interface Notification {
  /** Of the delivery: the same in every try. */
  readonly id: string;
  readonly tenant: string;
  readonly event: DeliveryEvent;
  readonly template: ChannelTemplate | null;
  /** undefined in a digest and in a test */
  readonly alert?: AlertFacts | undefined;
  readonly digest?: Digest;
}

export interface Digest {
  readonly count: number;
  readonly countBySeverity: Readonly<Partial<Record<Severity, number>>>;
  /** The most severe ones, as many as a message has room for. */
  readonly alerts: readonly (AlertFacts & { readonly deliveryId: string; readonly event: DeliveryEvent })[];
}

// Half of the digests that anybody reads to the end are shorter; the count says what is left out.
export const MAX_DIGEST_ALERTS = 50;
const MAX_SMS_LENGTH = 160;
const MAX_SUBJECT_LENGTH = 200;

const STATES: Readonly<Record<DeliveryEvent, string>> = {
  "alert.raised": "raised",
  "alert.returned": "returned to normal",
  "alert.acknowledged": "acknowledged",
  "alert.digest": "raised",
  "channel.test": "test",
};

// After the texts of the seed's dispatcher.
const SUBJECT = "Millwright alert: {{ruleName}} on {{machineId}} {{state}} ({{severity}})";
const BODY = `Alert {{state}}

Alert: {{ruleName}}
Machine: {{machineId}}
Severity: {{severity}}
Reason: {{metric}} {{value}}
Raised at: {{raisedAt}}
`;
const LINE = "{{severity}} alert {{state}}: {{ruleName}} on {{machineId}}, {{metric}} {{value}}";

/** One line, safe as a header: whatever a name holds, nothing in it can begin another header. */
export function subjectOf(notification: Notification): string {
  const { alert, digest, template } = notification;
  const subject =
    digest !== undefined
      ? `Millwright: ${countText(digest)}`
      : alert === undefined
        ? "Millwright: test of this channel"
        : renderTemplate(template?.subject ?? SUBJECT, viewOf(notification, alert), ESCAPES.text);
  return cut(subject.replace(/\p{Cc}+/gu, " ").trim(), MAX_SUBJECT_LENGTH);
}

/** The whole message as text, its values escaped for where it goes. */
export function textOf(notification: Notification, escape: Escape = ESCAPES.text): string {
  const { alert, digest, tenant, template } = notification;
  if (digest !== undefined) return digestLines(digest).map(escape).join("\n");
  if (alert === undefined) return escape(`This is a test of a channel of ${tenant}. It works.`);
  return renderTemplate(template?.body ?? BODY, viewOf(notification, alert), escape);
}

/** For phones: one line, as long as one SMS. */
export function shortTextOf(notification: Notification): string {
  const { alert, template } = notification;
  const line =
    alert === undefined
      ? subjectOf(notification)
      : renderTemplate(template?.body ?? LINE, viewOf(notification, alert), ESCAPES.text);
  return cut(line.trim(), MAX_SMS_LENGTH);
}

/** The message as a page: markup of ours around text in which everything is escaped. */
export function htmlOf(notification: Notification): string {
  const colour = notification.event === "alert.returned" ? "#2e7d32" : "#d32f2f";
  const lines = textOf(notification).trim().split("\n").map(ESCAPES.html);
  return `<!doctype html>
<html><body>
<h2 style="color: ${colour};">${ESCAPES.html(subjectOf(notification))}</h2>
<p>${lines.join("<br>\n")}</p>
</body></html>
`;
}

function viewOf({ tenant, event }: Notification, { value, ...alert }: AlertFacts): TemplateView {
  return { tenant, event, state: STATES[event], ...alert, value: value === null ? "" : String(value) };
}

function countText({ count, countBySeverity }: Digest): string {
  const parts = SEVERITIES.flatMap((severity) => {
    const own = countBySeverity[severity];
    return own === undefined ? [] : [`${own} ${severity}`];
  });
  return `${count} alerts (${parts.join(", ")})`;
}

function digestLines(digest: Digest): string[] {
  const { alerts, count } = digest;
  const lines = alerts.map(
    ({ severity, event, ruleName, machineId, metric, value, raisedAt }) =>
      `${severity}: ${ruleName} on ${machineId} ${STATES[event]}, ${metric} ${value ?? ""}, ${raisedAt}`,
  );
  const left = count - alerts.length;
  return [`${countText(digest)} within a minute`, "", ...lines, ...(left > 0 ? [`and ${left} more`] : [])];
}

/** Never through the middle of a character. */
function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return text
    .slice(0, maxLength)
    .toWellFormed()
    .replace(/\ufffd$/, "");
}
