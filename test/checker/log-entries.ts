import pg from "pg";

/** A record as it lies in the log. */
export interface LogEntry {
  readonly partition: number;
  readonly offset: bigint;
  readonly appendedAtMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** Generation (8 bits), partition (15), offset (40): how a row names its record. */
export function logRefOf(topic: string, { partition, offset }: LogEntry): bigint {
  const generation = BigInt(topic.slice(topic.lastIndexOf(".g") + 2));
  return generation * 2n ** 55n + BigInt(partition) * 2n ** 40n + offset;
}

/** All records of a topic of the embedded log, in offset order within each partition. */
export async function readEmbeddedLog(server: pg.ClientConfig, topic: string): Promise<LogEntry[]> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    const { rows } = await client.query<{
      partition: number;
      record_offset: string;
      appended_at_ms: string;
      headers: Record<string, string>;
      value: Buffer;
    }>(
      `select partition, r."offset"::text as record_offset, r.appended_at_ms::text, r.headers, r.value
         from log.partition p join log.record r on r.partition_id = p.id
        where p.topic = $1 order by partition, r."offset"`,
      [topic],
    );
    return rows.map(({ partition, record_offset, appended_at_ms, headers, value }) => ({
      ...{ partition, headers, value },
      offset: BigInt(record_offset),
      appendedAtMs: Number(appended_at_ms),
    }));
  } finally {
    await client.end();
  }
}
