import type { Try } from "../../handlers/notify/channels/channel-sender.ts";
import type { ChannelSecrets, ChannelSettings } from "../../model/channel.ts";
import type { AlertFacts, Notification } from "../../model/notification.ts";

export const FACTS: AlertFacts = {
  alertId: "a-1",
  rule: "hot",
  ruleName: "Too hot",
  machineId: "m-001",
  metric: "temperature_c",
  severity: "critical",
  value: 93.5,
  raisedAt: "2026-11-21T10:00:00.000Z",
};

export function notificationOf(
  facts: Partial<AlertFacts> = {},
  rest: Partial<Notification> = {},
): Notification {
  const envelope = { id: "d-1", tenant: "acme", event: "alert.raised", template: null } as const;
  return { ...envelope, alert: { ...FACTS, ...facts }, ...rest };
}

/** One try of a sender, with all the time that the test has. */
export function tryOf(
  settings: ChannelSettings,
  notification: Notification,
  secrets: ChannelSecrets = {},
  signal: AbortSignal = new AbortController().signal,
): Try {
  const { id, event } = notification;
  return { settings, secrets, notification, body: { id, event }, nowMs: 0, signal };
}
