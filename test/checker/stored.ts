import pg from "pg";

/** Table of each type of reading, and the column in which the producer puts a reading's tag. */
export const TABLE_OF: Readonly<Record<string, string>> = {
  machine: "machine_telemetry",
  energy: "energy_monitoring",
  "air-quality": "air_quality",
  scan: "job_scan_events",
};
export const TAG_OF: Readonly<Record<string, string>> = {
  machine: "error_code",
  energy: "circuit_name",
  "air-quality": "location",
  scan: "job_id",
};

/** A row as it lies in a table; times in milliseconds since the epoch, big numbers as their digits. */
export type Row = Readonly<Record<string, unknown>>;

/** All that the cell holds of one tenant. */
export interface StoredInCell {
  /** By type of reading. */
  readonly readings: ReadonlyMap<string, readonly Row[]>;
  readonly deadLetters: readonly Row[];
  readonly usage: readonly Row[];
  readonly positions: readonly Row[];
  readonly machines: readonly Row[];
}

/** All that the catalog holds of one tenant's alerts. */
export interface StoredAlerts {
  readonly alerts: readonly Row[];
  readonly deliveries: readonly Row[];
}

export async function readCell(server: pg.ClientConfig, tenant: string): Promise<StoredInCell> {
  return withClient(server, async (client) => {
    const select = async (sql: string, values: unknown[] = []) => (await client.query<Row>(sql, values)).rows;
    const schema = `tenant_${tenant.replaceAll("-", "_")}`;
    const readings = new Map<string, readonly Row[]>();
    for (const [type, table] of Object.entries(TABLE_OF)) {
      const rows = await select(
        `select log_ref::text, ordinal::int, (extract(epoch from time) * 1000)::text as time_ms, machine_id, site_id,
                to_jsonb(t) - '{time,machine_id,site_id,log_ref,ordinal}'::text[] as values
           from ${schema}.${table} t order by log_ref, ordinal`,
      );
      readings.set(type, rows);
    }
    return {
      readings,
      deadLetters: await select(
        "select log_ref::text, ordinal::int, reason from millwright.dead_letter where tenant = $1",
        [tenant],
      ),
      usage: await select(
        `select topic, partition, (extract(epoch from minute) * 1000)::text as minute_ms, row_count::text, byte_count::text
           from millwright.usage where tenant = $1`,
        [tenant],
      ),
      positions: await select(
        "select topic, partition, next_offset::text from millwright.log_position where tenant = $1",
        [tenant],
      ),
      machines: await select(
        "select type, machine_id, site_id, first_log_ref::text from millwright.machine where tenant = $1",
        [tenant],
      ),
    };
  });
}

export async function readAlerts(server: pg.ClientConfig, tenant: string): Promise<StoredAlerts> {
  return withClient(server, async (client) => {
    const { rows: alerts } = await client.query<Row>(
      `select alert, rule, machine_id, value, log_ref::text, ordinal::int,
              (extract(epoch from raised_at) * 1000)::text as raised_ms,
              (extract(epoch from returned_at) * 1000)::text as returned_ms, announced, incident
         from catalog.alert where tenant = $1`,
      [tenant],
    );
    const { rows: deliveries } = await client.query<Row>(
      "select delivery, alert, channel, event, delivered_at is not null as is_delivered from catalog.delivery where tenant = $1",
      [tenant],
    );
    return { alerts, deliveries };
  });
}

async function withClient<T>(server: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
