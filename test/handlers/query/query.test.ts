import { expect } from "chai";
import fc from "fast-check";
import type pg from "pg";
import { openIngestPool, openQueryPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeBatch } from "../../../handlers/ingest/process.ts";
import { makeRoom } from "../../../handlers/ingest/make-room.ts";
import { encodeCursor } from "../../../handlers/query/cursor.ts";
import { queryReadings, type ReadingsRequest } from "../../../handlers/query/process.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { noHistory } from "../../support/machines.ts";
import { seed } from "../../support/seed.ts";

const MINUTE_MS = 60_000;

describe("reading readings", () => {
  let secret: CellSecret;
  let ingest: pg.Pool;
  let pool: pg.Pool;
  let acme: TenantId;
  let empty: TenantId;
  const machines = ["m-001", "m-002", "m-003"];

  before(async () => {
    secret = await testCell();
    ingest = openIngestPool(secret, "test");
    pool = openQueryPool(secret, "test");
    [acme, empty] = [await testTenant(secret, "query-acme"), await testTenant(secret, "query-empty")];
    // Very uneven: m-001 reports 40 times as often as m-003, and some readings share an instant.
    const readings = Array.from({ length: 400 }, (_, index) => {
      const machineId = index % 40 === 39 ? "m-003" : index % 4 === 3 ? "m-002" : "m-001";
      const ts = new Date(APPENDED_AT_MS - (400 - (index - (index % 3))) * MINUTE_MS).toISOString();
      return machineReading({
        machineId,
        siteId: index < 200 ? "north" : "south",
        ts,
        values: { cycle_count: index },
      });
    });
    await store([logRecord(acme, 0, 0, readings.slice(0, 250)), logRecord(acme, 1, 0, readings.slice(250))]);
  });
  after(() => Promise.all([ingest.end(), pool.end()]));

  async function store(records: Parameters<typeof prepareBatch>[0]) {
    const batch = await prepareBatch(records, noHistory);
    const memory = new Memory();
    await makeRoom(ingest, memory, batch);
    await storeBatch({ pool: ingest, memory, epochOf: () => 1n }, batch);
  }

  const read = (request: Partial<ReadingsRequest> = {}) =>
    queryReadings(
      { pool, now: () => APPENDED_AT_MS, spent: () => undefined },
      { tenant: acme, epoch: 1n, type: "machine", ...request },
    );

  async function readAll(request: Partial<ReadingsRequest>) {
    const rows = [];
    let cursor: string | undefined;
    do {
      const page = await read({ ...request, cursor });
      rows.push(...page.rows);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return rows;
  }

  /** An independent answer: the whole table, filtered and sorted here. */
  async function expected({
    machineId,
    siteId,
    fromMs = 0,
    toMs = APPENDED_AT_MS + 1,
  }: Partial<ReadingsRequest>) {
    const { rows } = await asCellRole(secret, "admin", (client) =>
      client.query<{
        time: Date;
        machine_id: string;
        site_id: string;
        log_ref: bigint;
        ordinal: number;
        cycle_count: bigint;
      }>("select * from tenant_query_acme.machine_telemetry order by time, log_ref, ordinal"),
    );
    return rows
      .filter((row) => machineId === undefined || row.machine_id === machineId)
      .filter((row) => siteId === undefined || row.site_id === siteId)
      .filter(({ time }) => time.getTime() >= fromMs && time.getTime() < toMs)
      .map(({ cycle_count: count }) => Number(count));
  }

  it("answers flat rows, oldest first, without the metrics that have no value", async () => {
    const { rows, nextCursor } = await read({ limit: 1 });
    expect(rows).to.deep.equal([
      { time: "2026-11-21T03:20:00.000Z", machineId: "m-001", siteId: "north", cycle_count: 0 },
    ]);
    expect(nextCursor).to.be.a("string");
  });

  it("names the values that are not good, and answers them all the same", async () => {
    const doubtful = {
      type: "air-quality" as const,
      values: { co2_ppm: -3, humidity_pct: 40, pressure_hpa: 990 },
      quality: { pressure_hpa: "uncertain" as const },
    };
    await store([logRecord(empty, 0, 0, [machineReading(doubtful)])]);
    const { rows } = await read({ tenant: empty, type: "air-quality" });
    expect(rows.map(({ co2_ppm, quality }) => ({ co2_ppm, quality }))).to.deep.equal([
      { co2_ppm: -3, quality: { co2_ppm: "implausible", pressure_hpa: "uncertain" } },
    ]);
  });

  it("answers the same rows in the same order whatever the filters and the page size", async () => {
    const from = APPENDED_AT_MS - 420 * MINUTE_MS;
    const anyRequest = fc.record(
      {
        machineId: fc.constantFrom(...machines, "m-unknown"),
        siteId: fc.constantFrom("north", "south", "west"),
        fromMs: fc.integer({ min: 0, max: 420 }).map((minutes) => from + minutes * MINUTE_MS),
        toMs: fc.integer({ min: 0, max: 450 }).map((minutes) => from + minutes * MINUTE_MS),
        limit: fc.constantFrom(7, 39, 150, 1_000),
      },
      { requiredKeys: ["limit"] },
    );
    await fc.assert(
      fc.asyncProperty(anyRequest, async (request) => {
        const rows = await readAll(request);
        expect(rows.map((row) => row["cycle_count"])).to.deep.equal(await expected(request));
      }),
      { seed, numRuns: 25 },
    );
  });

  it("keeps a cursor right while older rows arrive", async () => {
    const first = await read({ machineId: "m-001", limit: 100 });
    const ts = new Date(APPENDED_AT_MS - 1_000 * MINUTE_MS).toISOString();
    await store([logRecord(acme, 0, 1, [machineReading({ ts, values: { cycle_count: 9_999 } })])]);
    const second = await read({ machineId: "m-001", limit: 100, cursor: first.nextCursor });
    const counts = [...first.rows, ...second.rows].map((row) => row["cycle_count"]);
    const all = (await expected({ machineId: "m-001" })).filter((count) => count !== 9_999);
    expect(counts).to.deep.equal(all.slice(0, 200));
  });

  it("answers nothing for a tenant without readings", async () => {
    expect(await read({ tenant: empty })).to.deep.equal({ rows: [], nextCursor: undefined });
  });

  for (const [what, request] of [
    ["a cursor that is none", { cursor: "%%%" }],
    [
      "a cursor with a reference beyond 64 bits",
      { cursor: encodeCursor({ timeMs: 1, logRef: 2n ** 63n, ordinal: 0 }) },
    ],
    ["SQL in a cursor", { cursor: Buffer.from("1.1.1'; drop table x").toString("base64url") }],
    ["a limit of 0", { limit: 0 }],
    ["a limit beyond 10,000", { limit: 10_001 }],
    ["a resolution that is not there", { resolution: "1h" }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await read(request).then(
        () => expect.fail("answered"),
        (error: unknown) => expect(error).to.include({ code: "request-invalid", retryable: false }),
      );
    });
  }

  for (const change of ["role = 'shadow'", "epoch = 2"]) {
    it(`answers placement-changed when the fence says ${change}`, async () => {
      await asCellRole(secret, "admin", (client) =>
        client.query(`update millwright.fence set ${change} where tenant = $1`, [empty]),
      );
      await read({ tenant: empty }).then(
        () => expect.fail("answered"),
        (error: unknown) => expect(error).to.include({ code: "placement-changed", retryable: true }),
      );
    });
  }

  it("leaves the connection without a tenant's rights", async () => {
    await read();
    const { rows } = await pool.query<{ who: string }>("select current_user as who");
    expect(rows).to.deep.equal([{ who: "millwright_query" }]);
  });
});
