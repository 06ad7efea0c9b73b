import type { ClientBase } from "pg";
import { qualityNames, type Quality } from "../../model/quality.ts";
import { METRICS, TABLES, type ReadingType } from "../../model/reading.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { identifier } from "../pool.ts";

/** Tells our own queries from those of a tenant's direct readers in the database's statistics, by role they look alike. */
export const OWN_QUERY = "/* millwright */";

/** The place of a row in the order of all answers: time, then where it stands in the log. */
export interface RowPlace {
  readonly timeMs: number;
  readonly logRef: bigint;
  readonly ordinal: number;
}

export interface ReadingsRange {
  readonly tenant: TenantId;
  readonly type: ReadingType;
  readonly machineIds: readonly string[];
  readonly siteId: string | undefined;
  /** inclusive */
  readonly fromMs: number | undefined;
  /** exclusive */
  readonly toMs: number;
  readonly after: RowPlace | undefined;
  readonly limit: number;
}

/** A stored reading; metrics without a value are left out, and `quality` names those that are not good. */
export type ReadingRow = Readonly<Record<string, string | number | Readonly<Record<string, Quality>>>>;

export interface StoredReading {
  readonly place: RowPlace;
  readonly row: ReadingRow;
}

type SqlRow = Readonly<Record<string, string | number | bigint | null>> & {
  readonly time_ms: number;
  readonly log_ref: bigint;
  readonly ordinal: number;
  readonly quality: number | null;
  readonly rank: number;
};

/**
 * The first `limit` rows of the range in order of place. The connection must be allowed to read the tenant's table.
 *
 * Reads a few rows of each machine by the (machine_id, time) index, the only one with time in it, and merges them. The
 * answer is right unless a machine gave as many rows as were asked of it and its last one lies inside the answer: more
 * of its rows may belong there, and twice as many are asked. So 15 machines cost about 2 × limit rows, not 15 × limit.
 */
export async function readReadings(tx: ClientBase, range: ReadingsRange): Promise<readonly StoredReading[]> {
  const { machineIds, limit } = range;
  let perMachine = Math.min(limit, Math.ceil((2 * limit) / Math.max(1, machineIds.length)) + 10);
  for (;;) {
    const rows = await readEach(tx, range, perMachine);
    const isCut = rows.some(({ rank }, index) => rank === perMachine && index < limit - 1);
    if (!isCut || perMachine >= limit) return rows.map((row) => storedReading(range.type, row));
    perMachine = Math.min(limit, perMachine * 2);
  }
}

async function readEach(
  tx: ClientBase,
  range: ReadingsRange,
  perMachine: number,
): Promise<readonly SqlRow[]> {
  const { tenant, type, machineIds, siteId, fromMs, toMs, after, limit } = range;
  // float8: numbers of ours fit, and the driver would answer int8 as BigInt, which JSON cannot carry
  const metrics = METRICS[type].map(({ name, kind }) => (kind === "count" ? `${name}::float8` : name));
  const { rows } = await tx.query<SqlRow>(
    `select ${OWN_QUERY} extract(epoch from time)::float8 * 1000 as time_ms, machine_id, site_id, log_ref, ordinal,
            ${metrics.join(", ")}, quality, rank::int
       from unnest($1::text[]) wanted (id)
      cross join lateral (
        select *, row_number() over (order by time, log_ref, ordinal) as rank
          from (select * from ${identifier(tenantNames(tenant).schema)}.${TABLES[type]}
                 where machine_id = wanted.id
                   and time >= to_timestamp($2::float8) and time < to_timestamp($3::float8)
                   and ($4::text is null or site_id = $4)
                   and ($5::bigint is null or (time, log_ref, ordinal) > (to_timestamp($2::float8), $5, $6::smallint))
                 order by time, log_ref, ordinal
                 limit $7) of_machine) r
      order by time, log_ref, ordinal
      limit $8`,
    [
      machineIds,
      // behind a cursor its time is the lower bound, for the index
      (after?.timeMs ?? fromMs ?? 0) / 1000,
      toMs / 1000,
      siteId ?? null,
      after?.logRef ?? null,
      after?.ordinal ?? null,
      perMachine,
      limit,
    ],
  );
  return rows;
}

function storedReading(type: ReadingType, sqlRow: SqlRow): StoredReading {
  const timeMs = Math.round(sqlRow.time_ms);
  const row: Record<string, ReadingRow[string]> = { time: new Date(timeMs).toISOString() };
  row["machineId"] = String(sqlRow["machine_id"]);
  if (sqlRow["site_id"] !== null) row["siteId"] = String(sqlRow["site_id"]);
  for (const { name } of METRICS[type]) {
    const value = sqlRow[name];
    if (typeof value === "string" || typeof value === "number") row[name] = value;
  }
  const quality = qualityNames(type, sqlRow.quality ?? 0);
  if (quality !== undefined) row["quality"] = quality;
  return { place: { timeMs, logRef: sqlRow.log_ref, ordinal: sqlRow.ordinal }, row };
}
