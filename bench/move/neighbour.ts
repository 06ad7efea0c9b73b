import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { cellAddress, type CellSecret } from "../../data/cell/cell-secret.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";

/** What the parent sends first; the neighbour has its schema in the cell. */
export interface NeighbourStart {
  readonly cell: CellSecret;
  readonly tenant: TenantId;
}

/** What it waited for since it was asked last, milliseconds each. */
export interface NeighbourReport {
  readonly insert: readonly number[];
  readonly query: readonly number[];
}

const ROWS_PER_INSERT = 50;
const ROWS_PER_QUERY = 200;
const MACHINES = 20;
const EVERY_MS = 40;

/** A tenant that shares the cell: stores 50 rows and reads 200, again and again, and notes how long each took. */
async function live({ cell, tenant }: NeighbourStart): Promise<void> {
  const [writer, reader] = [cell.ingest, cell.query].map(
    (login) => new pg.Client({ ...cellAddress(cell, "admin"), ...login }),
  ) as [pg.Client, pg.Client];
  await Promise.all([writer.connect(), reader.connect()]);
  const { schema, reader: role } = tenantNames(tenant);
  await reader.query(`set role ${role}`);
  const table = `${schema}.machine_telemetry`;
  const [inserts, queries]: [number[], number[]] = [[], []];
  let turn = 0;
  const timed = async (into: number[], statement: string, values: unknown[]) => {
    const [client, startMs] = [into === inserts ? writer : reader, performance.now()];
    await client.query(statement, values);
    into.push(performance.now() - startMs);
  };
  process.on("message", () => {
    process.send?.({ insert: inserts, query: queries } satisfies NeighbourReport);
    inserts.length = queries.length = 0;
  });
  process.send?.("ready");
  for (;;) {
    turn += 1;
    await timed(
      inserts,
      `insert into ${table} (time, machine_id, log_ref, ordinal, power_watts, temperature_c, cycle_count)
       select clock_timestamp(), 'm-' || (n + $1) % ${MACHINES}, $1::bigint * 1000 + n, 0, n * 1.5, 60.5, n
         from generate_series(1, $2::int) n`,
      [turn, ROWS_PER_INSERT],
    );
    await timed(queries, `select * from ${table} where machine_id = $1 order by time desc limit $2`, [
      `m-${turn % MACHINES}`,
      ROWS_PER_QUERY,
    ]);
    await delay(EVERY_MS);
  }
}

process.once("message", (start) => void live(start as NeighbourStart));
process.once("disconnect", () => process.exit());
