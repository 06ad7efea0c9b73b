import type { LogRecord, Subscription } from "../../data/event-log/event-log.ts";
import { MillwrightError } from "../../model/errors.ts";

/**
 * Hands a delivery whose offsets are not ours to choose (a Lambda event source) to a subscription: what lies below the
 * stored position is skipped, and the rest must be taken as a whole, or the source delivers it again.
 *
 * @throws MillwrightError `offset-out-of-range` when the stored position lies below the delivery: records between
 *   are not in this cell, and storing what follows would lose them. The partition stops, and the source's iterator
 *   age is the alarm, until the position is brought up to the delivery by a consumer that can seek.
 * @throws MillwrightError `tenant-fenced`, retryable, when a tenant is fenced at the moment
 */
export async function deliver(
  { position, handle }: Pick<Subscription, "position" | "handle">,
  records: readonly LogRecord[],
): Promise<void> {
  const byPartition = Map.groupBy(records, ({ topic, partition }) => `${topic} ${partition}`);
  const fresh: LogRecord[] = [];
  for (const ofPartition of byPartition.values()) {
    const [first] = ofPartition;
    if (first === undefined) continue;
    const stored = await position(first);
    if (stored < first.coversFrom) {
      throw new MillwrightError(
        "offset-out-of-range",
        `${first.topic}/${first.partition} is stored up to ${stored}, but ${first.coversFrom} was delivered.`,
      );
    }
    for (const record of ofPartition)
      if (record.offset >= stored)
        fresh.push(record.coversFrom < stored ? { ...record, coversFrom: stored } : record);
  }
  const seeks = await handle(fresh);
  if (seeks.length > 0)
    throw new MillwrightError("tenant-fenced", `${seeks.length} partitions wait; deliver them again.`, {
      retryable: true,
    });
}
