import { MillwrightError } from "../../model/errors.ts";
import type { OffsetBounds, Seek } from "./event-log.ts";

/** The log does not hold the offset, or not any more. */
export function outOfRange(
  { topic, partition, offset }: Seek,
  { start, end }: OffsetBounds,
): MillwrightError {
  const message = `${topic}/${partition} has records from ${start} up to ${end}, and ${offset} was asked for.`;
  return new MillwrightError("offset-out-of-range", message);
}
