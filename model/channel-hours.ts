import { DateTime, IANAZone } from "luxon";
import * as z from "zod";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day from 00:00 to 23:59");

/**
 * When a channel takes messages. `to` at or before `from` ends on the next day, which then counts to the weekday on
 * which it began: 22:00 to 06:00 on `fri` ends on Saturday morning.
 */
export const channelHours = z.strictObject({
  weekdays: z.array(z.enum(WEEKDAYS)).min(1).max(7),
  from: timeOfDay,
  to: timeOfDay,
  timeZone: z
    .string()
    .max(64)
    .refine((name) => IANAZone.isValidZone(name), "must be an IANA time zone, such as Europe/Berlin"),
});
export type ChannelHours = z.infer<typeof channelHours>;

/** The first instant from `nowMs` on at which the channel takes messages: `nowMs` itself when it does now. */
export function nextOpenMs({ weekdays, from, to, timeZone }: ChannelHours, nowMs: number): number {
  const today = DateTime.fromMillis(nowMs, { zone: timeZone }).startOf("day");
  // From yesterday, whose hours may reach into today, to this day next week.
  for (let day = -1; day <= 8; day++) {
    const date = today.plus({ days: day });
    const weekday = WEEKDAYS[date.weekday - 1];
    if (weekday === undefined || !weekdays.includes(weekday)) continue;
    const start = at(date, from).toMillis();
    const end = at(to > from ? date : date.plus({ days: 1 }), to).toMillis();
    if (nowMs < end) return Math.max(nowMs, start);
  }
  throw new RangeError("hours without a weekday"); // the schema wants at least one
}

function at(date: DateTime, timeOfDay: string): DateTime {
  const [hour, minute] = timeOfDay.split(":").map(Number);
  return date.set({ hour: hour ?? 0, minute: minute ?? 0 });
}
