import type pg from "pg";
import { MillwrightError } from "../../../model/errors.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { identifier } from "../../pool.ts";
import { lockTenant } from "../fence.ts";
import { ROLLUPS, SIDE_TABLES, type SideTable } from "../tenant-tables.ts";
import { copyPipe } from "./copy-pipe.ts";
import { asMover, endEarlierOwners, expectOwner, fenced, type Move } from "./move-session.ts";
import { readPositions, type Position } from "./positions.ts";
import { isEqual, proofOf } from "./proof.ts";

/**
 * Makes the caller the owner of the move, and ends what earlier ones still do.
 * @throws MillwrightError `operation-fenced` when there is a later one
 */
export async function claimMove(move: Move): Promise<void> {
  await asMover(move, move.source, (client) => endEarlierOwners(client, move));
  await asMover(move, move.target, async (client) => {
    await endEarlierOwners(client, move);
    const { rowCount } = await client.query(
      `insert into millwright.move as known (tenant, token) values ($1, $2)
       on conflict (tenant) do update set token = excluded.token where known.token <= excluded.token`,
      [move.tenant, move.token],
    );
    if (rowCount !== 1) throw fenced(move.tenant);
  });
}

/** What a move begins with. */
export interface Mark {
  readonly positions: readonly Position[];
  readonly sideTables: readonly ProvenTable[];
}

/** A table as both cells counted it; numbers as text. */
export interface ProvenTable {
  readonly name: string;
  readonly rowCount: string;
  readonly hash: string;
}

/**
 * Seeds the target: one snapshot of the source gives the positions and every side table, one transaction writes them.
 * What the source stores later, the target gets by the log, from these positions on. A target that is seeded stays as
 * it is, for it has gone on since.
 *
 * The target has the tenant's tables and a fence as a shadow, but no positions: without them no consumer follows.
 *
 * @returns the positions, below which rows are to be copied, and what came with them
 * @throws MillwrightError `operation-fenced`, `copy-differs` (a side table), `tenant-not-ready` (the source has none)
 */
export async function markTenant(move: Move): Promise<Mark> {
  const { tenant } = move;
  return asMover(move, move.target, async (target) => {
    await target.query("begin");
    await lockTenant(target, tenant);
    await expectOwner(target, move);
    const known = await readMark(target, tenant);
    if (known !== undefined) return known;

    const sideTables: ProvenTable[] = [];
    const mark = await asMover(move, move.source, async (source) => {
      await source.query("begin isolation level repeatable read read only");
      const positions = await readPositions(source, tenant);
      for (const table of SIDE_TABLES) sideTables.push(await carry(source, target, ownRows(table, tenant)));
      await makeRoomForRollups(source, target, tenant);
      sideTables.push(await carry(source, target, rollupsOf(tenant)));
      return positions;
    });
    if (mark.length === 0)
      throw new MillwrightError("tenant-not-ready", `The source has no positions of ${tenant}.`);
    for (const table of ["move_mark", "log_position"]) {
      await target.query(
        `insert into millwright.${table} (tenant, topic, partition, next_offset)
         select $1, * from unnest($2::text[], $3::int[], $4::bigint[])`,
        [
          tenant,
          mark.map(({ topic }) => topic),
          mark.map(({ partition }) => partition),
          mark.map(({ nextOffset }) => nextOffset),
        ],
      );
    }
    await target.query("update millwright.move set seeded_at = now(), side_tables = $2 where tenant = $1", [
      tenant,
      JSON.stringify(sideTables),
    ]);
    await target.query("commit");
    return { positions: mark, sideTables };
  });
}

/** undefined: the target is not seeded */
export async function readMark(target: pg.ClientBase, tenant: TenantId): Promise<Mark | undefined> {
  const { rows } = await target.query<{ side_tables: ProvenTable[] | null }>(
    "select side_tables from millwright.move where tenant = $1 and seeded_at is not null",
    [tenant],
  );
  if (rows[0] === undefined) return undefined;
  return {
    positions: await readPositions(target, tenant, "move_mark"),
    sideTables: rows[0].side_tables ?? [],
  };
}

interface CarriedRows extends SideTable {
  /** Quoted, with its schema. */
  readonly table: string;
  readonly condition: string;
}

const ownRows = (table: SideTable, tenant: TenantId): CarriedRows => ({
  ...table,
  table: `millwright.${table.name}`,
  condition: `tenant = '${tenant}'`, // an id has no quotes
});

const rollupsOf = (tenant: TenantId): CarriedRows => ({
  ...ROLLUPS,
  table: `${identifier(tenantNames(tenant).schema)}.${ROLLUPS.name}`,
  condition: "true",
});

/** Native partitions; a hypertable makes its chunks as rows come, and nobody else writes this one. */
async function makeRoomForRollups(source: pg.Client, target: pg.Client, tenant: TenantId): Promise<void> {
  const { rows } = await source.query<{ day: string }>(
    `select distinct (time at time zone 'UTC')::date::text as day from ${rollupsOf(tenant).table}`,
  );
  await target.query("select millwright.ensure_native_partitions($1, $2, $3::date[])", [
    ...[tenant, ROLLUPS.name],
    rows.map(({ day }) => day),
  ]);
}

/** Copies rows and compares what arrived, within the transactions of the caller. */
async function carry(source: pg.Client, target: pg.Client, rows: CarriedRows): Promise<ProvenTable> {
  const { name, table, condition, orderBy } = rows;
  const columns = rows.columns.map(identifier).join(", ");
  const order = orderBy === undefined ? "" : ` order by ${orderBy}`;
  await copyPipe(
    {
      client: source,
      statement: `copy (select ${columns} from ${table} where ${condition}${order}) to stdout (format binary)`,
    },
    { client: target, statement: `copy ${table} (${columns}) from stdin (format binary)` },
  );
  const hashed = { table, columns: rows.columns.map(identifier), condition };
  const [sent, arrived] = await Promise.all([proofOf(source, hashed), proofOf(target, hashed)]);
  if (!isEqual(sent, arrived))
    throw new MillwrightError("copy-differs", `${name} did not arrive as it was sent.`, { retryable: true });
  return { name, rowCount: String(arrived.count), hash: arrived.hash };
}
