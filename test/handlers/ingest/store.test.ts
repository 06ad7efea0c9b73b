import { expect } from "chai";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import { cellAddress, type CellSecret } from "../../../data/cell/cell-secret.ts";
import { advancePositions } from "../../../data/cell/log-position.ts";
import { lockTenant } from "../../../data/cell/fence.ts";
import { openPool, sqlState } from "../../../data/pool.ts";
import type { LogRecord } from "../../../data/event-log/event-log.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeSafely, type IngestAlarm } from "../../../handlers/ingest/store-safely.ts";
import { refusalHeaders } from "../../../model/refused-record.ts";
import { tenantNames, tenantId, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, partitionsOf, makeTenantSchema, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { refuseMoreThan } from "../../support/ingest-cell.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { noHistory } from "../../support/machines.ts";

describe("storing a batch of the log", () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  let count = 0;
  let alarms: IngestAlarm[] = [];
  const epochs = new Map<TenantId, bigint>();

  before(async () => {
    secret = await testCell();
    pool = openIngestPool(secret, "test");
  });
  after(() => pool.end());
  beforeEach(() => (alarms = []));

  async function newTenant(): Promise<TenantId> {
    const tenant = await testTenant(secret, `store-${++count}`);
    epochs.set(tenant, 1n);
    return tenant;
  }

  const store = async (records: readonly LogRecord[], memory = new Memory()) =>
    storeSafely(
      { pool, memory, epochOf: (tenant) => epochs.get(tenant), alarm: (alarm) => alarms.push(alarm) },
      await prepareBatch(records, noHistory),
    );

  const admin = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    asCellRole(secret, "admin", async (client) => (await client.query<Row>(sql, values)).rows);

  const stored = (tenant: TenantId) =>
    admin<{ log_ref: bigint; ordinal: number; machine_id: string }>(
      `select * from ${tenantNames(tenant).schema}.machine_telemetry order by log_ref, ordinal`,
    );

  const deadLetters = (tenant: TenantId) =>
    admin<{ reason: string; ordinal: number | null; record_offset: bigint; raw: Buffer }>(
      "select * from millwright.dead_letter where tenant = $1 order by log_ref, ordinal",
      [tenant],
    );

  const raiseFence = (tenant: TenantId, change: string) =>
    admin(`update millwright.fence set ${change} where tenant = $1`, [tenant]);

  it("stores every value as it came", async () => {
    const tenant = await newTenant();
    const values = { state: "läuft 🏭", power_watts: -0.1, temperature_c: 1e300, cycle_count: 2 ** 53 - 1 };
    await store([logRecord(tenant, 1, 0, [machineReading({ ts: "2026-11-21T11:59:00.123+02:00", values })])]);
    const [row] = await admin<Record<string, unknown>>(
      `select * from ${tenantNames(tenant).schema}.machine_telemetry`,
    );
    expect(row).to.deep.equal({
      ...{ time: new Date("2026-11-21T09:59:00.123Z"), machine_id: "m-001", site_id: "site-1" },
      ...{ log_ref: (((1n << 15n) | 1n) << 40n) | 0n, ordinal: 0 },
      ...{ state: "läuft 🏭", machine_type: null, error_code: null },
      ...{ power_watts: -0.1, temperature_c: 1e300, cycle_count: BigInt(2 ** 53 - 1) },
      quality: (3 << 8) | (3 << 10), // implausible, and kept
    });
  });

  it("stores all four types and meters by append minute", async () => {
    const tenant = await newTenant();
    const record = logRecord(tenant, 0, 0, [
      machineReading(),
      machineReading({ type: "energy", values: { voltage: 229.5 } }),
      machineReading({ type: "air-quality", values: { co2_ppm: 400 } }),
      machineReading({ type: "scan", values: { job_id: "j-1", metadata: "x".repeat(4096) } }),
    ]);
    const outcome = await store([record]);
    expect(outcome).to.include({ rowCount: 4, deadLetterCount: 0 });
    const usage = await admin(
      "select minute, partition, row_count, byte_count from millwright.usage where tenant = $1",
      [tenant],
    );
    expect(usage).to.deep.equal([
      {
        ...{ minute: new Date(APPENDED_AT_MS), partition: 0 },
        ...{ row_count: 4n, byte_count: BigInt(record.value.length) },
      },
    ]);
    const marks = await admin("select type, hour from millwright.dirty_mark where tenant = $1", [tenant]);
    expect(marks).to.have.length(4);
    const machines = await admin("select from millwright.machine where tenant = $1", [tenant]);
    expect(machines).to.have.length(4);
  });

  it("goes on where another process was stopped in the middle of a COPY", async () => {
    const tenant = await newTenant();
    const stopped = new pg.Client(cellAddress(secret, "ingest"));
    stopped.on("error", () => undefined);
    await stopped.connect();
    await stopped.query("begin");
    await stopped.query("select from millwright.log_position where tenant = $1 for update", [tenant]);
    const table = `${tenantNames(tenant).schema}.machine_telemetry`;
    const copy = stopped.query(copyFrom(`copy ${table} (time, machine_id) from stdin`));
    copy.on("error", () => undefined);
    copy.write("2026-11-"); // and stops
    const patience = { applicationName: "test", max: 1, statementTimeoutMs: 11_000 };
    const waiting = openPool(cellAddress(secret, "ingest"), patience);
    const outcome = await storeSafely(
      { pool: waiting, memory: new Memory(), epochOf: () => 1n, alarm: (alarm) => alarms.push(alarm) },
      await prepareBatch([logRecord(tenant, 0, 0)], noHistory),
    );
    await waiting.end();
    expect([outcome.rowCount, alarms, (await stored(tenant)).length]).to.deep.equal([1, [], 1]);
  });

  it("adds nothing when a delivery comes again, and seeks to what is stored in either direction", async () => {
    const tenant = await newTenant();
    const records = [0, 1, 2].map((offset) => logRecord(tenant, 0, offset));
    await store(records);
    const again = await store(records);
    expect(again.seeks).to.deep.equal([{ tenant, topic: records[0]?.topic, partition: 0, offset: 3n }]);
    // a failover has moved the position back
    const ahead = await store([logRecord(tenant, 0, 9)]);
    expect(ahead.seeks).to.deep.equal([{ tenant, topic: records[0]?.topic, partition: 0, offset: 3n }]);
    expect(await stored(tenant)).to.have.length(3);
  });

  it("stores nothing of a batch whose first half a zombie has committed", async () => {
    const tenant = await newTenant();
    await store([0, 1].map((offset) => logRecord(tenant, 0, offset)));
    const late = await store([0, 1, 2, 3].map((offset) => logRecord(tenant, 0, offset)));
    expect(late).to.deep.include({ rowCount: 0, taken: [] });
    await store([2, 3].map((offset) => logRecord(tenant, 0, offset)));
    expect((await stored(tenant)).map(({ log_ref: ref }) => Number(ref & 0xffn))).to.deep.equal([0, 1, 2, 3]);
  });

  it("moves the position of a range that came to be next while it waited", async () => {
    const tenant = await newTenant();
    await asCellRole(secret, "admin", async (other) => {
      await other.query("begin");
      await other.query("update millwright.log_position set next_offset = 1 where tenant = $1", [tenant]);
      const storing = store([logRecord(tenant, 0, 1)]);
      await eventually("the batch waits for the position", async () => {
        const waiting = await admin(
          `select from pg_stat_activity
            where usename = 'millwright_ingest' and wait_event_type = 'Lock' and datname = current_database()`,
        );
        return waiting.length > 0;
      });
      await other.query("commit");
      expect((await storing).rowCount).to.equal(1);
    });
    expect((await store([logRecord(tenant, 0, 1)])).rowCount).to.equal(0);
    expect(await stored(tenant)).to.have.length(1);
  });

  it("cuts a delivery at a gap", async () => {
    const tenant = await newTenant();
    const batch = await prepareBatch(
      [0, 1, 5].map((offset) => logRecord(tenant, 0, offset)),
      noHistory,
    );
    expect(batch.gaps).to.deep.equal([{ topic: logRecord(tenant, 0, 0).topic, partition: 0, offset: 2n }]);
    await store(batch.records);
    expect(await stored(tenant)).to.have.length(2);
  });

  it("stores each record once when two consumers deliver the same partitions in opposite orders", async () => {
    const [a, b] = [await newTenant(), await newTenant()];
    const records = [a, b].flatMap((tenant) => [0, 1].map((partition) => logRecord(tenant, partition, 0)));
    for (let offset = 1; offset <= 20; offset += 1) {
      const at = BigInt(offset - 1);
      const next = records.map((record) => ({ ...record, offset: at, coversFrom: at }));
      const outcomes = await Promise.all([store(next), store(next.toReversed())]);
      expect(outcomes.reduce((sum, { rowCount }) => sum + rowCount, 0)).to.equal(4);
    }
    expect([...(await stored(a)), ...(await stored(b))]).to.have.length(80);
  });

  it("leaves a tenant out while a mover waits for its lock; its neighbour goes on", async () => {
    const [moved, neighbour] = [await newTenant(), await newTenant()];
    const records = [logRecord(moved, 0, 0), logRecord(neighbour, 0, 0)];
    await asCellRole(secret, "admin", async (mover) => {
      await mover.query("begin");
      await lockTenant(mover, moved);
      expect((await store(records)).left).to.deep.equal([moved]);
      await mover.query("rollback");
    });
    expect(await stored(moved)).to.deep.equal([]);
    expect(await stored(neighbour)).to.have.length(1);
  });

  for (const change of ["epoch = 2", "is_closed = true"]) {
    it(`leaves a tenant out whose fence says ${change}`, async () => {
      const [fenced, neighbour] = [await newTenant(), await newTenant()];
      await raiseFence(fenced, change);
      expect((await store([logRecord(fenced, 0, 0), logRecord(neighbour, 0, 0)])).left).to.deep.equal([
        fenced,
      ]);
      expect(await stored(fenced)).to.deep.equal([]);
      expect(await stored(neighbour)).to.have.length(1);
    });
  }

  it("leaves a tenant out that is placed elsewhere", async () => {
    const tenant = await newTenant();
    epochs.delete(tenant);
    expect((await store([logRecord(tenant, 0, 0)])).left).to.deep.equal([tenant]);
    expect(await stored(tenant)).to.deep.equal([]);
  });

  it("meters in a shadow as at home, so that the meters are whole when it becomes the home", async () => {
    const tenant = await newTenant();
    await store([logRecord(tenant, 0, 0)]);
    await raiseFence(tenant, "role = 'shadow'");
    expect((await store([logRecord(tenant, 0, 1)])).rowCount).to.equal(1);
    await raiseFence(tenant, "role = 'primary'");
    await store([logRecord(tenant, 0, 2)]);
    const [usage] = await admin<{ rows: number }>(
      "select sum(row_count)::int as rows from millwright.usage where tenant = $1",
      [tenant],
    );
    expect(usage).to.deep.equal({ rows: 3 });
  });

  it("keeps what cannot be decoded, with the reason, and stores the rest", async () => {
    const tenant = await newTenant();
    const outcome = await store([
      logRecord(tenant, 0, 0, Buffer.from("not json")),
      logRecord(tenant, 0, 1, [
        machineReading(),
        machineReading({ ts: "1970-01-01T00:00:00Z" }),
        { ...machineReading(), tenantId: "globex" },
        machineReading({ ts: "2026-11-21T10:10:00.001Z" }), // one millisecond too far beyond its append time
      ]),
      logRecord(tenant, 0, 2, Buffer.from(`[${JSON.stringify(machineReading()).replace("61.2", "1e400")}]`)),
      logRecord(tenant, 0, 3, Buffer.from(`[${JSON.stringify(machineReading()).replace("61.2", "NaN")}]`)),
    ]);
    expect(outcome).to.include({ rowCount: 1, deadLetterCount: 6 });
    expect((await deadLetters(tenant)).map(({ reason, ordinal }) => [reason, ordinal])).to.deep.equal([
      ["record-undecodable", null],
      ["time-out-of-range", 1],
      ["reading-invalid", 2],
      ["time-out-of-range", 3],
      ["reading-invalid", 0],
      ["record-undecodable", null],
    ]);
  });

  it("stores the neighbours of a poison record, wherever it stands in a batch of tenants and partitions", async () => {
    const [a, b] = [await newTenant(), await newTenant()];
    const places = [0, 1, 2, 3, 4, 5, 6, 7];
    for (const poisoned of places) {
      const records = places.map((place) => {
        const value = place === poisoned ? Buffer.from([0x1f, 0x8b, 0x08]) : [machineReading()];
        return logRecord(place < 4 ? a : b, place & 1, poisoned * 2 + ((place >> 1) & 1), value);
      });
      expect(await store(records)).to.include({ rowCount: 7, deadLetterCount: 1 });
    }
    expect([...(await stored(a)), ...(await stored(b))]).to.have.length(56);
    expect([...(await deadLetters(a)), ...(await deadLetters(b))]).to.have.length(8);
  });

  it("finds the readings that the database refuses, and stores their neighbours", async () => {
    const tenant = await newTenant();
    const { schema } = tenantNames(tenant);
    await admin(`alter table ${schema}.machine_telemetry add check (power_watts < 9000)`);
    const readings = Array.from({ length: 100 }, (_, place) =>
      machineReading({ values: { power_watts: place === 0 || place === 63 ? 9001 : place } }),
    );
    const outcome = await store([logRecord(tenant, 0, 0, readings), logRecord(tenant, 1, 0)]);
    expect(outcome).to.include({ rowCount: 99, deadLetterCount: 2 });
    const letters = await deadLetters(tenant);
    expect(letters.map(({ ordinal, reason }) => [ordinal, reason])).to.deep.equal([
      [0, "database-refused"],
      [63, "database-refused"],
    ]);
    expect(letters[0]?.raw.toString()).to.contain("9001");
    expect(await stored(tenant)).to.have.length(99);
  });

  it("does not take a missing partition for bad data", async () => {
    const tenant = await newTenant();
    const memory = new Memory();
    await store([logRecord(tenant, 0, 0)], memory);
    // the database came back older than what this process remembers
    for (const { name } of await partitionsOf(secret, tenant)) await admin(`drop table ${name}`);
    const outcome = await store([logRecord(tenant, 0, 1)], memory);
    expect(outcome).to.include({ rowCount: 1, deadLetterCount: 0 });
  });

  it("stops a tenant without tables, with an alarm; its neighbour goes on", async () => {
    const [broken, neighbour] = [await newTenant(), await newTenant()];
    await admin(`drop table ${tenantNames(broken).schema}.machine_telemetry`);
    const outcome = await store([logRecord(broken, 0, 0), logRecord(neighbour, 0, 0)]);
    expect(outcome.left).to.deep.equal([broken]);
    expect(alarms.map(({ tenant }) => tenant)).to.deep.equal([broken]);
    expect(await stored(neighbour)).to.have.length(1);
  });

  describe("that is too much for the database", () => {
    const eight = (tenant: TenantId) =>
      Array.from({ length: 8 }, (_, offset) => logRecord(tenant, 0, offset));

    for (const [what, sqlState, tries] of [
      // 8 refused; 4 refused, 2, 2; 4 refused, 2, 2
      ["at once where the decompression limit is met", "53400", 7n],
      // the same, and each that was refused a second time
      ["at the second time-out", "57014", 10n],
    ] as const) {
      it(`is halved ${what} (${sqlState}), in order, and is stored once`, async () => {
        const tenant = await newTenant();
        const refusal = await refuseMoreThan({ pool, admin }, tenant, 2, sqlState);
        expect(await store(eight(tenant))).to.include({ rowCount: 8, deadLetterCount: 0 });
        expect(await refusal.tries()).to.equal(tries);
        expect((await stored(tenant)).map(({ log_ref: ref }) => Number(ref & 0xffn))).to.deep.equal([
          0, 1, 2, 3, 4, 5, 6, 7,
        ]);
      });
    }

    it("leaves out, with an alarm, the tenant whose single record is too much; its neighbour goes on", async () => {
      const [stuck, neighbour] = [await newTenant(), await newTenant()];
      await refuseMoreThan({ pool, admin }, stuck, 0, "57014");
      const outcome = await store([logRecord(stuck, 0, 0), logRecord(neighbour, 0, 0)]);
      expect(outcome.left).to.deep.equal([stuck]);
      expect(alarms.map(({ tenant }) => tenant)).to.deep.equal([stuck]);
      expect(await stored(neighbour)).to.have.length(1);
      expect(await deadLetters(stuck)).to.deep.equal([]);
    });
  });

  // Why positions are locked in one order: consumers that update them as their batches come wait for each other.
  it("would deadlock with another (40P01) if it took positions in the order of its delivery", async () => {
    const tenant = await newTenant();
    const topic = logRecord(tenant, 0, 0).topic;
    const range = (partition: number) => ({ tenant, topic, partition, firstOffset: 0n, nextOffset: 1n });
    const waits = () =>
      eventually("one waits", async () => {
        const rows = await admin("select from pg_locks where not granted and locktype = 'transactionid'");
        return rows.length === 1;
      });
    /** One holds a position, the other comes to wait for it, and then the first wants one more. */
    const meet = (second: (tx: pg.Client) => Promise<unknown>) =>
      asCellRole(secret, "ingest", (a) =>
        asCellRole(secret, "ingest", async (b) => {
          await a.query("begin");
          await b.query("begin");
          await advancePositions(a, [range(0)]);
          const other = second(b);
          await waits();
          const first = advancePositions(a, [range(1)]).finally(() => a.query("rollback"));
          const outcomes = await Promise.allSettled([first, other]);
          return outcomes.map((one) => (one.status === "rejected" ? sqlState(one.reason) : "done"));
        }),
      );
    const inDeliveryOrder = async (tx: pg.Client) => {
      for (const partition of [1, 0]) await advancePositions(tx, [range(partition)]);
    };
    expect(await meet(inDeliveryOrder)).to.include("40P01");
    expect(await meet((tx) => advancePositions(tx, [range(1), range(0)]))).to.deep.equal(["done", "done"]);
  });

  it("answers an outage as retryable and keeps no dead letter", async () => {
    const tenant = await newTenant();
    // the backend dies while it waits for the position
    await asCellRole(secret, "admin", async (holder) => {
      await holder.query("begin");
      await holder.query("select from millwright.log_position where tenant = $1 for update", [tenant]);
      const storing = store([logRecord(tenant, 0, 0)]).then(
        () => expect.fail("stored on a dead connection"),
        (error: unknown) => expect(error).to.include({ code: "database-unavailable", retryable: true }),
      );
      await eventually("the ingest backend waits and is ended", async () => {
        const ended = await admin(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where usename = 'millwright_ingest' and wait_event_type = 'Lock' and datname = current_database()`,
        );
        return ended.length > 0;
      });
      await storing;
      await holder.query("rollback");
    });
    expect(await deadLetters(tenant)).to.deep.equal([]);
    expect((await store([logRecord(tenant, 0, 0)])).rowCount).to.equal(1);
  });

  it("keeps the tenants' schemas apart whatever a payload says", async () => {
    const victim = tenantId.parse(`store-${++count}`);
    await makeTenantSchema(secret, victim);
    const tenant = await newTenant();
    await store([logRecord(tenant, 0, 0, [{ ...machineReading(), tenant: victim }])]);
    expect((await deadLetters(tenant)).map(({ reason }) => reason)).to.deep.equal(["reading-invalid"]);
  });

  it("keeps what an entrance refused as it was sent, and takes no reading of it", async () => {
    const tenant = await newTenant();
    const headers = refusalHeaders({ reason: "identity-mismatch", message: "speaks\u0000 of m-9 \ud800" });
    const value = Buffer.from(JSON.stringify([machineReading()]));
    await store([logRecord(tenant, 0, 0, value, { headers })]);
    expect(await stored(tenant)).to.deep.equal([]);
    const [letter] = await deadLetters(tenant);
    expect([letter?.reason, letter?.ordinal, letter?.raw]).to.deep.equal(["identity-mismatch", null, value]);
  });

  describe("client batches", () => {
    const part = (id: string, number: number, hash: string) => ({
      headers: { "batch-id": id, part: String(number), "content-hash": hash },
    });

    it("adds each part once within 24 h of append time", async () => {
      const tenant = await newTenant();
      const value = [machineReading()];
      await store([
        logRecord(tenant, 0, 0, value, part("b1", 0, "h")),
        logRecord(tenant, 0, 1, value, part("b1", 1, "h")),
        logRecord(tenant, 0, 2, value, part("b1", 0, "h")),
      ]);
      await store([logRecord(tenant, 1, 0, value, part("b1", 1, "h"))]);
      expect(await stored(tenant)).to.have.length(2);

      const appendedAtMs = APPENDED_AT_MS + 24 * 3_600_000 + 1;
      await store([logRecord(tenant, 0, 3, value, { ...part("b1", 0, "h2"), appendedAtMs })]);
      expect(await stored(tenant)).to.have.length(3);
      expect(await deadLetters(tenant)).to.deep.equal([]);
    });

    it("adds nothing of another body under a known id, in whatever part or partition, and says so", async () => {
      const tenant = await newTenant();
      await store([logRecord(tenant, 0, 0, [machineReading()], part("b1", 0, "h"))]);
      await store([
        logRecord(tenant, 0, 1, [machineReading()], part("b1", 0, "other")),
        logRecord(tenant, 1, 0, [machineReading()], part("b1", 7, "other")),
      ]);
      expect(await stored(tenant)).to.have.length(1);
      expect((await deadLetters(tenant)).map(({ reason }) => reason)).to.deep.equal([
        "batch-id-reused",
        "batch-id-reused",
      ]);
    });

    it("tells bodies apart for a producer that gives an id and no hash", async () => {
      const tenant = await newTenant();
      const id = { headers: { "batch-id": "line-1/77" } };
      const [body, other] = [[machineReading()], [machineReading({ machineId: "m-002" })]];
      await store([
        logRecord(tenant, 0, 0, body, id),
        logRecord(tenant, 0, 1, body, id),
        logRecord(tenant, 1, 0, other, id),
      ]);
      expect(await stored(tenant)).to.have.length(1);
      expect(
        (await deadLetters(tenant)).map(({ reason, record_offset }) => [reason, record_offset]),
      ).to.deep.equal([["batch-id-reused", 0n]]);
    });

    it("stores one of two bodies when both arrive at once in two partitions", async () => {
      const tenant = await newTenant();
      await Promise.all([
        store([logRecord(tenant, 0, 0, [machineReading()], part("race", 0, "h0"))]),
        store([logRecord(tenant, 1, 0, [machineReading()], part("race", 1, "h1"))]),
      ]);
      expect(await stored(tenant)).to.have.length(1);
    });
  });
});
