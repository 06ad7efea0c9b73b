import {
  comesFrom,
  type EventLog,
  type LogRecord,
  type Subscription,
  type TopicPartition,
} from "../../data/event-log/event-log.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";

type Consumer = Pick<Subscription, "position" | "handle">;

/**
 * Hands a delivery whose offsets are not ours to choose (a Lambda event source) to a subscription. What lies below the
 * stored position is skipped; when the position lies below the delivery, the records between are read from the log
 * first (PROTOCOLS §2). A partition that cannot go on keeps none of the others from it: they are stored before this
 * throws, so that what the source delivers again is skipped up to where it failed.
 *
 * @throws MillwrightError `offset-out-of-range` when the log no longer holds the stored position: storing what follows
 *   would lose records. The partition stops, and the source's lag is the alarm.
 * @throws MillwrightError `tenant-fenced`, retryable, when a tenant is fenced at the moment
 * @throws AggregateError of such, when several partitions cannot go on
 */
export async function deliver(
  log: Pick<EventLog, "read">,
  consumer: Consumer,
  records: readonly LogRecord[],
): Promise<void> {
  const fresh: LogRecord[] = [];
  const stops: MillwrightError[] = [];
  for (const ofPartition of Map.groupBy(
    records,
    ({ topic, partition }) => `${topic} ${partition}`,
  ).values()) {
    const [first] = ofPartition;
    if (first === undefined) continue;
    try {
      let stored = await consumer.position(first);
      if (stored < first.coversFrom) stored = await takeGap(log, consumer, first, stored);
      const [next, ...rest] = ofPartition.filter(({ offset }) => offset >= stored);
      if (next !== undefined) fresh.push({ ...next, coversFrom: stored }, ...rest);
    } catch (error) {
      // An outage is everybody's: to look at the other partitions would only take its time-out again for each.
      if (!hasCode(error, "offset-out-of-range") && !hasCode(error, "tenant-fenced")) throw error;
      stops.push(error);
    }
  }
  await take(consumer, fresh);
  const [stop, ...others] = stops;
  if (others.length > 0) throw new AggregateError(stops, stops.map(({ message }) => message).join(" "));
  if (stop !== undefined) throw stop;
}

/**
 * Takes the records from the stored position up to `first`, a fetch at a time: each is committed, so a function that is
 * ended in a long gap goes on from there with the next delivery. @returns the position then
 */
async function takeGap(
  log: Pick<EventLog, "read">,
  consumer: Consumer,
  { topic, partition, coversFrom: end }: TopicPartition & Pick<LogRecord, "coversFrom">,
  position: bigint,
): Promise<bigint> {
  let stored = position;
  let from = position;
  while (from < end) {
    const { records, next } = await log.read({ topic, partition, offset: from });
    if (next === from)
      throw new MillwrightError(
        "log-unavailable",
        `${topic}/${partition} ends at ${from}, below a delivery.`,
        {
          retryable: true,
        },
      );
    const [first, ...rest] = records.filter(({ offset }) => offset < end);
    // The log may number what is no record: the first one behind covers that too.
    if (first !== undefined) {
      await take(consumer, [{ ...first, coversFrom: stored }, ...rest]);
      stored = (rest.at(-1) ?? first).offset + 1n;
    }
    from = next;
  }
  return stored;
}

/** A consumer that takes a flood in several transactions asks for the rest: it is given that for as long as it gets on. */
async function take({ handle }: Consumer, records: readonly LogRecord[]): Promise<void> {
  for (let rest = records; rest.length > 0;) {
    const seeks = await handle(rest);
    const left = rest.filter((record) => seeks.some((seek) => comesFrom(seek, record)));
    if (left.length === rest.length)
      throw new MillwrightError("tenant-fenced", `${seeks.length} partitions wait; deliver them again.`, {
        retryable: true,
      });
    rest = left;
  }
}
