import { plainReading } from "./plain-reading.ts";
import { qualityOf } from "./quality.ts";
import { wireReading, type Reading, type ReadingValue } from "./reading.ts";

export const READING_REFUSALS = ["reading-invalid", "time-out-of-range", "machine-unknown"] as const;

/** Why a reading was refused; stable, part of the answer of `POST /v1/data`. */
export interface ReadingRefusal {
  readonly code: (typeof READING_REFUSALS)[number];
  readonly message: string;
}

/** Before this no machine of ours existed: an older stamp is a clock that was never set. */
export const EARLIEST_TIME_MS = Date.UTC(2000, 0, 1);
/** How far a device's clock may run ahead. More would let one bad clock mute its machine's alerts for longer. */
export const MAX_CLOCK_LEAD_MS = 10 * 60_000;
/** Of what a message quotes: a key of 1 MB is the sender's, and must not come back in an answer. */
const MAX_MESSAGE_LENGTH = 300;

/**
 * Checks one reading against its type and the plausible time range.
 * @param raw - parsed JSON; of a key that stands twice in an object the last one counts, as `JSON.parse` has it
 * @param nowMs - the append time of its record (or the time of the request, before it is in the log)
 */
export function decodeReading(raw: unknown, nowMs: number): Reading | ReadingRefusal {
  const reading = plainReading(raw) ?? schemaReading(raw);
  if (isRefusal(reading)) return reading;
  if (reading.timeMs >= EARLIEST_TIME_MS && reading.timeMs <= nowMs + MAX_CLOCK_LEAD_MS) return reading;
  const time = new Date(reading.timeMs).toISOString();
  return {
    code: "time-out-of-range",
    message: `ts: ${time} lies outside 2000-01-01T00:00:00Z … now + 10 min; check the device's clock`,
  };
}

export function isRefusal(decoded: Reading | ReadingRefusal): decoded is ReadingRefusal {
  return "code" in decoded;
}

/** By the schema, which alone decides: what it refuses is refused, with its words. */
export function schemaReading(raw: unknown): Reading | ReadingRefusal {
  const parsed = wireReading.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") ?? "";
    return invalid(`${where === "" ? "reading" : where}: ${issue?.message ?? "invalid"}`);
  }
  const { type, machineId, siteId, ts, values: known, quality: claims } = parsed.data;
  const values = known as Record<string, ReadingValue>;
  const timeMs = Date.parse(ts);
  if (Number.isNaN(timeMs)) return invalid(`ts: '${ts}' is not a time`);
  return { type, machineId, siteId, timeMs, values, quality: qualityOf(type, values, claims) };
}

function invalid(message: string): ReadingRefusal {
  return { code: "reading-invalid", message: message.slice(0, MAX_MESSAGE_LENGTH) };
}
