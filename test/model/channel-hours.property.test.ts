import { expect } from "chai";
import fc from "fast-check";
import { nextOpenMs, WEEKDAYS, type ChannelHours } from "../../model/channel-hours.ts";

const MINUTE_MS = 60_000;
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Pacific/Apia",
];

/** Whether the wall clock of the zone stands within the hours, by Intl alone: shares no code with the model. */
function isOpen({ weekdays, from, to, timeZone }: ChannelHours, ms: number): boolean {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const time = `${parts["hour"]}:${parts["minute"]}`;
  const today = WEEKDAYS.findIndex((day) => day === parts["weekday"]?.toLowerCase());
  const has = (day: number) => weekdays.includes(WEEKDAYS[(day + 7) % 7]!);
  if (to > from) return has(today) && time >= from && time < to;
  return (has(today) && time >= from) || (has(today - 1) && time < to);
}

// Clocks change between midnight and 04:00; what begins or ends then is at most an hour off, twice a year.
const timeOfDay = fc
  .tuple(fc.integer({ min: 4, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
const hours = fc.record({
  weekdays: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
  from: timeOfDay,
  to: timeOfDay,
  timeZone: fc.constantFrom(...ZONES),
});
const instant = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) });

describe("nextOpenMs", () => {
  it("is now when the channel is open, and otherwise the first open minute", () => {
    fc.assert(
      fc.property(hours, instant, (channelHours, nowMs) => {
        const openMs = nextOpenMs(channelHours, nowMs);
        expect(openMs === nowMs, "open now").to.equal(isOpen(channelHours, nowMs));
        expect(isOpen(channelHours, openMs), "open then").to.equal(true);
        if (openMs === nowMs) return;
        expect(openMs % MINUTE_MS).to.equal(0);
        expect(isOpen(channelHours, openMs - MINUTE_MS), "closed a minute before").to.equal(false);
      }),
      { numRuns: 300 },
    );
  });

  it("waits from Friday night to Monday morning, by the clock on the wall", () => {
    const weekdays = ["mon", "tue", "wed", "thu", "fri"] as const;
    const day = { weekdays: [...weekdays], from: "06:00", to: "22:00", timeZone: "Europe/Berlin" };
    // summer time ends on Sunday 25 October 2026: Friday 23:00 is 21:00 UTC, Monday 06:00 is 05:00 UTC
    expect(nextOpenMs(day, Date.UTC(2026, 9, 23, 21))).to.equal(Date.UTC(2026, 9, 26, 5));
  });

  it("counts a night to the weekday on which it begins", () => {
    const night = { weekdays: ["fri" as const], from: "22:00", to: "06:00", timeZone: "UTC" };
    const saturday = Date.UTC(2026, 9, 24, 5, 59);
    expect(nextOpenMs(night, saturday)).to.equal(saturday);
    expect(nextOpenMs(night, saturday + MINUTE_MS)).to.equal(Date.UTC(2026, 9, 30, 22));
  });
});
