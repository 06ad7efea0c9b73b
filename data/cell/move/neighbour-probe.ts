import type pg from "pg";
import { READING_TYPES, TABLES, type ReadingType } from "../../../model/reading.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { identifier } from "../../pool.ts";

/** What a dashboard asks for. */
const ROWS_PER_QUERY = 200;
/** What a small batch of readings writes. */
const BYTES_PER_COMMIT = 8_192;
const MAX_MACHINES = 20;

/** Some machines of one tenant, whose queries stand for those of all that are at home in a cell. */
export interface Neighbour {
  readonly tenant: TenantId;
  readonly machines: readonly { readonly type: ReadingType; readonly machineId: string }[];
}

/** The neighbour of `tenant` that has stored most lately; undefined where `tenant` is alone. */
export async function findNeighbour(client: pg.Client, tenant: TenantId): Promise<Neighbour | undefined> {
  const { rows: neighbours } = await client.query<{ tenant: TenantId }>(
    `select tenant from millwright.fence left join millwright.usage using (tenant)
      where role = 'primary' and tenant <> $1 group by tenant order by max(minute) desc nulls last, tenant limit 1`,
    [tenant],
  );
  const [neighbour] = neighbours;
  if (neighbour === undefined) return undefined;
  const { rows: machines } = await client.query<Neighbour["machines"][number]>(
    `select type, machine_id as "machineId" from millwright.machine
      where tenant = $1 and type = any($2) order by first_log_ref limit $3`,
    [neighbour.tenant, READING_TYPES, MAX_MACHINES],
  );
  return { tenant: neighbour.tenant, machines };
}

/**
 * Commits what a small batch of readings writes: into the database's log only, as a message that nobody reads, so it
 * leaves nothing in any table.
 */
export async function probeInsert(client: pg.Client): Promise<void> {
  await client.query("select pg_logical_emit_message(true, 'millwright-probe', repeat('x', $1))", [
    BYTES_PER_COMMIT,
  ]);
}

/** Reads the newest readings of one of the neighbour's machines. @param turn - another machine with each */
export async function probeQuery(
  client: pg.Client,
  { tenant, machines }: Neighbour,
  turn: number,
): Promise<void> {
  const machine = machines[turn % machines.length];
  if (machine === undefined) return; // it has never reported
  await client.query(
    `select * from ${identifier(tenantNames(tenant).schema)}.${TABLES[machine.type]}
      where machine_id = $1 order by time desc limit $2`,
    [machine.machineId, ROWS_PER_QUERY],
  );
}
