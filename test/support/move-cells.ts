import type pg from "pg";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { claimMove } from "../../data/cell/move/mark.ts";
import type { Move } from "../../data/cell/move/move-session.ts";
import { prepareTenant } from "../../data/cell/prepare-cell.ts";
import type { WireReading } from "../../model/reading.ts";
import { tenantId, type TenantId } from "../../model/tenant.ts";
import { asCellRole, makeTenantSchema, testCell, testTenant } from "./cell.ts";
import { ingestCell } from "./ingest-cell.ts";
import { APPENDED_AT_MS, logRecord } from "./log-records.ts";

export type MoveCells = Awaited<ReturnType<typeof moveCells>>;

const HOUR_MS = 3_600_000;

/** Two cells, and tenants with readings of all types in the first; the second is made ready for them as a move does. */
export async function moveCells() {
  const source = await ingestCell();
  const target = await testCell();
  const inTarget = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    asCellRole(target, "admin", async (client) => (await client.query<Row>(sql, values)).rows);

  /** Stores records of `perRecord` readings each, in both partitions. @param from - their first offset */
  async function store(tenant: TenantId, from: number, recordCount: number, perRecord = 20): Promise<void> {
    const records = [0, 1].flatMap((partition) =>
      Array.from({ length: recordCount }, (_, index) =>
        logRecord(
          tenant,
          partition,
          from + index,
          Array.from({ length: perRecord }, (_unused, place) => reading(partition, from + index, place)),
        ),
      ),
    );
    await source.store(records);
  }

  /** A tenant with readings at home. */
  async function tenantInSource(id: string, recordCount = 0): Promise<TenantId> {
    const tenant = await testTenant(source.secret, id);
    if (recordCount > 0) await store(tenant, 0, recordCount);
    return tenant;
  }

  /** The same, and its empty place in the other cell. */
  async function tenantToMove(id: string, recordCount = 0): Promise<Move> {
    const tenant = await tenantInSource(id, recordCount);
    await prepareTarget(target, tenant);
    const move = { tenant, source: source.secret, target, token: 1n };
    await claimMove(move);
    return move;
  }

  return { source, target, inTarget, store, tenantInSource, tenantToMove, close: () => source.close() };
}

/** As the operation makes it before the mark: a shadow without positions, which no consumer follows. */
export async function prepareTarget(target: CellSecret, tenant: TenantId): Promise<void> {
  await makeTenantSchema(target, tenantId.parse(tenant));
  await prepareTenant(target, { tenant, machines: 15, topics: [], epoch: 1n, role: "shadow" });
}

/** Some values are 0 and some are not there, spread over three days, not in the order of time. */
function reading(partition: number, offset: number, place: number): WireReading {
  const number = (offset * 31 + place * 7 + partition) % 97;
  const common = {
    machineId: `m-${partition}-${place % 4}`,
    ts: new Date(APPENDED_AT_MS - ((number * HOUR_MS * 3) / 4 + offset * 1_000 + place)).toISOString(),
    ...(number % 3 === 0 ? {} : { siteId: "site-1" }),
  };
  const zeroed = (value: number) => (number % 5 === 0 ? 0 : value);
  switch ((offset + place) % 4) {
    case 0:
      return { type: "energy", ...common, values: { voltage: zeroed(230 + number), current: 4.5 } };
    case 1:
      return { type: "scan", ...common, values: { job_id: `job-${number}`, metadata: '{"a": 1}' } };
    case 2:
      return { type: "air-quality", ...common, values: { co2_ppm: zeroed(400 + number), humidity_pct: 40 } };
    default:
      return { type: "machine", ...common, values: { temperature_c: zeroed(number), cycle_count: number } };
  }
}
