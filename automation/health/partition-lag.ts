import type { Position } from "../../data/cell/move/positions.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { PartitionLag } from "../../model/tenant-health.ts";

export type LagLog = Pick<EventLog, "bounds" | "read">;

/** How far behind the log these positions are. Of a topic that tenants share it counts the records of all. */
export function partitionLags(
  log: LagLog,
  positions: readonly Position[],
  nowMs: number,
): Promise<readonly PartitionLag[]> {
  return Promise.all(
    positions.map(async ({ topic, partition, nextOffset }) => {
      const { start, end } = await log.bounds({ topic, partition });
      const isOutOfRange = nextOffset < start;
      const from = isOutOfRange ? start : nextOffset;
      const lagRecords = Number(end > from ? end - from : 0n);
      const oldest =
        lagRecords === 0 ? undefined : (await log.read({ topic, partition, offset: from })).records[0];
      const lagMs = oldest === undefined ? 0 : Math.max(0, nowMs - oldest.appendedAtMs);
      return { topic, partition, lagRecords, lagMs, isOutOfRange };
    }),
  );
}
