import { HOUR_MS } from "../../model/duration.ts";
import type { EventLog, TopicPartition } from "./event-log.ts";

/** Records of less time say nothing of a rate: a client may send a day's readings in one moment. */
const LEAST_SPAN_MS = HOUR_MS;

/** How long a partition holds what is appended now: by its settings, and by how fast it has filled so far. */
export async function keptMs(
  log: Pick<EventLog, "retention" | "bounds" | "read">,
  { topic, partition }: TopicPartition,
  nowMs: number,
): Promise<number> {
  const { maxAgeMs, maxBytesPerPartition } = await log.retention(topic);
  if (maxBytesPerPartition === Infinity) return maxAgeMs;
  const { start, end } = await log.bounds({ topic, partition });
  if (start === end) return maxAgeMs;
  const { records } = await log.read({ topic, partition, offset: start });
  const [oldest] = records;
  if (oldest === undefined) return maxAgeMs;
  const bytesPerRecord = records.reduce((sum, { value }) => sum + value.length, 0) / records.length;
  const spanMs = Math.max(nowMs - oldest.appendedAtMs, LEAST_SPAN_MS);
  const bytesPerMs = (Number(end - start) * bytesPerRecord) / spanMs;
  return bytesPerMs === 0 ? maxAgeMs : Math.min(maxAgeMs, maxBytesPerPartition / bytesPerMs);
}
