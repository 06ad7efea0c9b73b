import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";
import pg from "pg";

/** A record as it lies in the log. */
export interface LogEntry {
  readonly partition: number;
  readonly offset: bigint;
  readonly appendedAtMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** Where a partition ends: the offset that the next record gets. */
export interface PartitionEnd {
  readonly topic: string;
  readonly partition: number;
  readonly end: bigint;
}

/** Generation (8 bits), partition (15), offset (40): how a row names its record. */
export function logRefOf(topic: string, { partition, offset }: LogEntry): bigint {
  const generation = BigInt(topic.slice(topic.lastIndexOf(".g") + 2));
  return generation * 2n ** 55n + BigInt(partition) * 2n ** 40n + offset;
}

/** All records of a topic of the embedded log from `starts` on, in offset order within each partition. */
export async function readEmbeddedLog(
  server: pg.ClientConfig,
  topic: string,
  starts: readonly bigint[] = [],
): Promise<LogEntry[]> {
  const rows = await query<{
    partition: number;
    record_offset: string;
    appended_at_ms: string;
    headers: Record<string, string>;
    value: Buffer;
  }>(
    server,
    `select partition, r."offset"::text as record_offset, r.appended_at_ms::text, r.headers, r.value
       from log.partition p join log.record r on r.partition_id = p.id
      where p.topic = $1 and r."offset" >= coalesce(($2::bigint[])[partition + 1], 0) order by partition, r."offset"`,
    [topic, starts.map(String)],
  );
  return rows.map(({ partition, record_offset, appended_at_ms, headers, value }) => ({
    ...{ partition, headers, value },
    offset: BigInt(record_offset),
    appendedAtMs: Number(appended_at_ms),
  }));
}

export async function embeddedEnds(
  server: pg.ClientConfig,
  topics: readonly string[],
): Promise<PartitionEnd[]> {
  const rows = await query<{ topic: string; partition: number; end_offset: string }>(
    server,
    "select topic, partition, end_offset::text from log.partition where topic = any($1)",
    [topics],
  );
  return rows.map(({ topic, partition, end_offset }) => ({ topic, partition, end: BigInt(end_offset) }));
}

/** The same of a topic on Kafka, up to the end that it has now. */
export async function readKafkaLog(
  brokers: readonly string[],
  topic: string,
  starts: readonly bigint[] = [],
): Promise<LogEntry[]> {
  const ends = new Map((await kafkaEnds(brokers, [topic])).map(({ partition, end }) => [partition, end]));
  const startOf = (partition: number) => starts[partition] ?? 0n;
  const open = new Set(
    [...ends].filter(([partition, end]) => end > startOf(partition)).map(([partition]) => partition),
  );
  const entries = new Map<string, LogEntry>(); // by place: what came before the seek may come again
  const done = Promise.withResolvers<undefined>();
  const consumer = clientOf(brokers).consumer({ groupId: `checker-${randomUUID()}`, maxWaitTimeInMs: 100 });
  consumer.on("consumer.crash", ({ payload }) => done.reject(payload.error));
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message: { offset, timestamp, headers = {}, value } }) => {
        entries.set(`${partition}@${offset}`, {
          ...{ partition, offset: BigInt(offset), appendedAtMs: Number(timestamp) },
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
          value: value ?? Buffer.alloc(0),
        });
        if (BigInt(offset) + 1n >= (ends.get(partition) ?? 0n)) open.delete(partition);
        if (open.size === 0) done.resolve(undefined);
        return Promise.resolve();
      },
    });
    for (const partition of open) consumer.seek({ topic, partition, offset: startOf(partition).toString() });
    if (open.size > 0) await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return [...entries.values()]
    .filter(({ partition, offset }) => offset >= startOf(partition) && offset < (ends.get(partition) ?? 0n))
    .sort((a, b) => a.partition - b.partition || (a.offset < b.offset ? -1 : 1));
}

export async function kafkaEnds(
  brokers: readonly string[],
  topics: readonly string[],
): Promise<PartitionEnd[]> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    const ofTopics = await Promise.all(
      topics.map(async (topic) =>
        (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
          ...{ topic, partition },
          end: BigInt(high),
        })),
      ),
    );
    return ofTopics.flat();
  } finally {
    await admin.disconnect();
  }
}

function clientOf(brokers: readonly string[]): Kafka {
  return new Kafka({ clientId: "checker", brokers: [...brokers], logLevel: logLevel.NOTHING });
}

async function query<T extends pg.QueryResultRow>(
  server: pg.ClientConfig,
  sql: string,
  values: unknown[],
): Promise<T[]> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
