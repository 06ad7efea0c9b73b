import { expect } from "chai";
import { tenantId } from "../../model/tenant.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { partitionsOf, testTenant } from "../support/cell.ts";
import { ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../support/log-records.ts";

const HOUR_MS = 3_600_000;
const acme = tenantId.parse("same-rows");

/** A log that asks for every decision that depends on time. */
const log: readonly LogRecord[] = [
  logRecord(acme, 0, 0, [machineReading({ ts: iso(APPENDED_AT_MS + 9 * 60_000) })]), // as far ahead as a clock may be
  logRecord(acme, 0, 1, [machineReading({ ts: iso(APPENDED_AT_MS + 11 * 60_000) })]), // too far
  logRecord(acme, 0, 2, undefined, batch("a", APPENDED_AT_MS)),
  logRecord(acme, 0, 3, undefined, batch("a", APPENDED_AT_MS + 23 * HOUR_MS)), // a client's retry
  logRecord(acme, 0, 4, undefined, batch("a", APPENDED_AT_MS + 25 * HOUR_MS)), // the id is free again
];

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function batch(id: string, appendedAtMs: number): Partial<LogRecord> {
  return { appendedAtMs, headers: { "batch-id": id, part: "0", "content-hash": "h" } };
}

/** All that a cell holds of the tenant. */
async function contents(cell: IngestCell) {
  const all = (sql: string) => cell.admin(sql, []);
  return {
    rows: await all(`select time, log_ref, ordinal from tenant_same_rows.machine_telemetry order by log_ref`),
    letters: await all("select reason, log_ref, appended_at from millwright.dead_letter order by log_ref"),
    usage: await all("select minute, row_count, byte_count from millwright.usage order by minute"),
    marks: await all("select distinct type, machine_id, hour from millwright.dirty_mark order by hour"),
    batches: await all("select batch_id, parts, appended_at from millwright.batch"),
    machines: await all("select machine_id, first_log_ref from millwright.machine"),
    partitions: (await partitionsOf(cell.secret, acme)).map(({ from, to }) => [from, to]),
  };
}

describe("protocol 2: ingestion is a function of the log", () => {
  const cells: IngestCell[] = [];
  afterEach(async () => {
    for (const cell of cells.splice(0)) await cell.close();
  });

  async function newCell(session: { readonly timeZone?: string } = {}): Promise<IngestCell> {
    const cell = await ingestCell(session);
    cells.push(cell);
    await testTenant(cell.secret, acme);
    return cell;
  }

  /** Each record by itself, read at a time of its own. */
  async function readAt(
    readAtMs: (record: LogRecord) => number,
    asSeen: (record: LogRecord, readAtMs: number) => LogRecord = (record) => record,
  ) {
    const cell = await newCell();
    let nowMs = 0;
    const consumer = await cell.consumer(acme, { now: () => nowMs });
    for (const record of log) {
      nowMs = readAtMs(record);
      expect(await consumer.handle([asSeen(record, nowMs)])).to.deep.equal([]);
    }
    return { offsets: await cell.offsets(acme), contents: await contents(cell) };
  }
  const atOnce = ({ appendedAtMs }: LogRecord) => appendedAtMs;
  const muchLater = () => APPENDED_AT_MS + 30 * 24 * HOUR_MS;

  it("so a database that reads the same log a month later holds the same", async () => {
    const [first, second] = [await readAt(atOnce), await readAt(muchLater)];
    expect(second.contents).to.deep.equal(first.contents);
    expect(first.offsets).to.deep.equal([0, 2, 4]);
  });

  it("would hold other rows if the reader's clock decided: later, no clock is ahead and no id is free", async () => {
    const byOwnClock = (record: LogRecord, appendedAtMs: number) => ({ ...record, appendedAtMs });
    const [first, second] = [await readAt(atOnce, byOwnClock), await readAt(muchLater, byOwnClock)];
    expect(first.offsets).to.deep.equal([0, 2, 4]);
    expect(second.offsets).to.deep.equal([0, 1, 2]);
    expect(second.contents.usage).to.not.deep.equal(first.contents.usage);
  });

  describe("in whatever time zone a database stands", () => {
    const zones = ["UTC", "Asia/Kathmandu"] as const; // 5:45 h apart: neither hours nor days begin at the same time

    it("holds the same, in the same hours and days", async () => {
      const held: object[] = [];
      for (const timeZone of zones) {
        const cell = await newCell({ timeZone });
        const { rows } = await cell.pool.query<{ zone: string }>(
          "select current_setting('timezone') as zone",
        );
        expect(rows).to.deep.equal([{ zone: timeZone }]);
        await cell.store(log);
        held.push(await contents(cell));
      }
      expect(held[1]).to.deep.equal(held[0]);
    });

    it("would mark other hours if the database cut the time", async () => {
      const marks: object[] = [];
      for (const timeZone of zones) {
        const cell = await newCell({ timeZone });
        await cell.store(log);
        const { rows } = await cell.pool.query<object>(
          "select distinct date_trunc('hour', time) as hour from tenant_same_rows.machine_telemetry order by 1",
        );
        marks.push(rows);
      }
      expect(marks[1]).to.not.deep.equal(marks[0]);
    });
  });
});
