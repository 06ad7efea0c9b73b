import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { asCellRole, partitionsOf } from "../../test/support/cell.ts";

export const MACHINES = 45;
/** Long before what is written live, in partitions of its own, however wide they are. */
const FIRST_DAY = "2026-01-10";
export const BEFORE_LIVE = "2026-06-01";

/** Rows as ingestion leaves them: machines that report once a second, in order of time, from a topic that is gone. */
export async function storeBulk(cell: CellSecret, tenant: TenantId, rowCount: number): Promise<void> {
  await asCellRole(cell, "admin", async (client) => {
    await makePartitions(cell, tenant, rowCount);
    await client.query(
      `insert into ${tenantNames(tenant).schema}.machine_telemetry
              (time, machine_id, site_id, log_ref, ordinal, state, power_watts, temperature_c, cycle_count)
       select '${FIRST_DAY}T00:00:00Z'::timestamptz + (n / ${MACHINES}) * interval '1 s',
              'm-' || lpad((n % ${MACHINES})::text, 3, '0'), 'site-1', (n % 2)::bigint << 40 | n / 2, 0,
              case when n::bigint * 7919 % 10 < 8 then 'running' else 'idle' end,
              (n::bigint * 48271 % 200000) / 100.0, (n::bigint * 69621 % 8000) / 100.0, n
         from generate_series(0, $1::int - 1) n`,
      [rowCount],
    );
    await client.query("vacuum analyze");
    await client.query("checkpoint");
  });
}

async function makePartitions(cell: CellSecret, tenant: TenantId, rowCount: number): Promise<void> {
  await asCellRole(cell, "admin", (client) =>
    client.query(
      `select millwright.ensure_partitions($1, 'machine_telemetry', array(
         select d::date from generate_series('${FIRST_DAY}', '${FIRST_DAY}'::timestamptz + $2 * interval '1 s',
                                             interval '1 day') d))`,
      [tenant, Math.ceil(rowCount / MACHINES)],
    ),
  );
}

/** Takes the rows away as if they had never come. What is written live stays, and the next copy of its range replaces it. */
export async function emptyBulk(cell: CellSecret, tenant: TenantId): Promise<void> {
  const parts = (await partitionsOf(cell, tenant)).filter(({ to }) => to <= new Date(BEFORE_LIVE));
  await asCellRole(cell, "admin", async (client) => {
    for (const { name } of parts) await client.query(`truncate ${name}`);
    await client.query(
      "update millwright.move_range set done_token = null, proven_count = null, proven_hash = null where tenant = $1",
      [tenant],
    );
    await client.query("checkpoint");
  });
}

/** Rows that are only in one of the cells, by a comparison that knows nothing of the move's own: as text, by group. */
export async function differingBulk(
  one: CellSecret,
  other: CellSecret,
  tenant: TenantId,
): Promise<{ readonly lost: number; readonly doubled: number }> {
  const groups = (cell: CellSecret) =>
    asCellRole(cell, "admin", async (client) => {
      const { rows } = await client.query<{ machine_id: string; count: number; digest: string }>(
        `select machine_id, count(*)::float8 as count, bit_xor(hashtextextended(t::text, 1))::text
                || sum(log_ref)::text || sum(cycle_count)::text as digest
           from ${tenantNames(tenant).schema}.machine_telemetry t where time < '${BEFORE_LIVE}' group by 1`,
      );
      return new Map(rows.map((row) => [row.machine_id, row]));
    });
  const [there, here] = [await groups(one), await groups(other)];
  let [lost, doubled] = [0, 0];
  for (const [machine, { count, digest }] of there) {
    const arrived = here.get(machine);
    const more = (arrived?.count ?? 0) - count;
    if (more < 0 || (more === 0 && arrived?.digest !== digest)) lost += Math.max(1, -more);
    if (more > 0) doubled += more;
  }
  return { lost, doubled };
}
