import type { Charge } from "./cost-line.ts";
import type { Entrance } from "./entrance.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { charge } from "./resources/charging.ts";
import { USAGE_ASSUMPTIONS, type MonthlyUsage, type UsageAssumptions } from "./usage.ts";

const MINUTES_PER_MONTH = HOURS_PER_MONTH * 60;

export interface Unmetered {
  readonly entrance: Entrance;
  readonly machines: number;
  readonly assumptions?: Partial<UsageAssumptions>;
}

/**
 * What a quote has and no bill: nothing is written down of how long machines are connected, nor of a tenant's notifications,
 * by month, by which channel they went. Of what nobody assumed there is no line, and so no price is needed.
 */
export function unmeteredCharges(
  { notifications }: MonthlyUsage,
  { entrance, machines, assumptions = {} }: Unmetered,
): Charge[] {
  const { mailPart, topicPart } = { ...USAGE_ASSUMPTIONS, ...assumptions };
  const minutes = machines * MINUTES_PER_MONTH;
  const charges = [
    ...(entrance === "iot"
      ? [charge("machine-entrance", "iot/connection-minutes", minutes, "machines stay connected")]
      : []),
    charge("notifications", "ses/recipients", notifications * mailPart),
    charge("notifications", "sns/publishes", notifications * topicPart),
  ];
  return charges.filter(({ quantity }) => quantity.high > 0);
}

/** What of a tenant's cost its quote, or its bill, does not have. @param billed - how bills take readings to come */
export function gapsOf(entrance: Entrance, billed: Entrance): readonly string[] {
  const way = { http: "calls of the API", iot: "messages of IoT Core" };
  return [
    `On bills all readings are ${way[billed]}, however they came.`,
    ...(entrance === "iot"
      ? [
          "On no bill: IoT Core's connections. In no quote: its rules and actions, of which no book has a price.",
        ]
      : []),
    "Assumed: a database keeps readings for 30 days. Nothing takes older ones out of it yet: it grows on, and with it the bill.",
    "On no bill: mails by SES and messages by SNS. In no quote: SMS, of which no book has a price.",
  ];
}
