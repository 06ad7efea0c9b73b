import type { Charge } from "./cost-line.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { charge } from "./resources/charging.ts";
import type { Entrance } from "./usage-charges.ts";
import { USAGE_ASSUMPTIONS, type MonthlyUsage, type UsageAssumptions } from "./usage.ts";

/** A message of IoT Core is metered by so much of it. */
const BYTES_PER_MESSAGE = 5 * 1_024;
const MINUTES_PER_MONTH = HOURS_PER_MONTH * 60;

export interface Unmetered {
  readonly entrance: Entrance;
  readonly machines: number;
  readonly assumptions?: Partial<UsageAssumptions>;
}

/**
 * What a quote has and no bill: nothing is written down of a reading that would say by which way it came, nor of a tenant's
 * notifications, by month, by which channel they went. Of what nobody assumed there is no line, and so no price is needed.
 */
export function unmeteredCharges(
  { readings, logBytes, notifications }: MonthlyUsage,
  { entrance, machines, assumptions = {} }: Unmetered,
): Charge[] {
  const { mailPart, topicPart } = { ...USAGE_ASSUMPTIONS, ...assumptions };
  const messages = Math.max(readings, logBytes / BYTES_PER_MESSAGE);
  const minutes = machines * MINUTES_PER_MONTH;
  const charges = [
    ...(entrance === "iot"
      ? [
          charge("machine-entrance", "iot/messages", messages, "a reading is a message"),
          charge("machine-entrance", "iot/connection-minutes", minutes, "machines stay connected"),
        ]
      : []),
    charge("notifications", "ses/recipients", notifications * mailPart),
    charge("notifications", "sns/publishes", notifications * topicPart),
  ];
  return charges.filter(({ quantity }) => quantity.high > 0);
}

/** What of a tenant's cost its quote, or its bill, does not have. */
export function gapsOf(entrance: Entrance): readonly string[] {
  return [
    ...(entrance === "iot"
      ? [
          "On no bill: IoT Core's messages and connections. Bills take all readings as brought by calls of the API.",
          "In no quote: IoT Core's rules and actions, of which no book has a price.",
        ]
      : []),
    "Assumed: a database keeps readings for 30 days. Nothing takes older ones out of it yet: it grows on, and with it the bill.",
    "On no bill: mails by SES and messages by SNS. In no quote: SMS, of which no book has a price.",
  ];
}
