import { expect } from "chai";
import type pg from "pg";
import { addDirtyMarks, type DirtyMark } from "../../data/cell/dirty-mark.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { testTenant } from "../support/cell.ts";
import { connectTo, ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { logRecord } from "../support/log-records.ts";

const HOUR_MS = Date.UTC(2026, 10, 21, 9);

describe("protocol 2: dirty marks are append-only", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  type AddMark = (tx: pg.Client, mark: DirtyMark) => Promise<unknown>;
  const append: AddMark = (tx, mark) => addDirtyMarks(tx, [mark]);
  const addWhereNoneIs: AddMark = (tx, { tenant, type, machineId, hourMs }) =>
    tx.query(
      `insert into millwright.dirty_mark (tenant, type, machine_id, hour)
       select $1, $2, $3, to_timestamp($4::float8) where not exists (
         select from millwright.dirty_mark where (tenant, type, machine_id, hour) = ($1, $2, $3, to_timestamp($4::float8)))`,
      [tenant, type, machineId, hourMs / 1000],
    );

  /**
   * An hour has one reading and its mark. A batch adds a second reading; before it commits, a rollup takes the marks
   * first and then counts, as it should. @returns what the rollup counted, and whether the hour is to be counted again
   */
  async function meetRollup(id: string, addMark: AddMark) {
    const tenant: TenantId = await testTenant(cell.secret, id);
    const table = `${tenantNames(tenant).schema}.machine_telemetry`;
    await cell.store([logRecord(tenant, 0, 0)]);
    const [batch, rollup] = [await connectTo(cell.secret, "ingest"), await connectTo(cell.secret, "admin")];
    try {
      await batch.query("begin");
      await batch.query(
        `insert into ${table} (time, machine_id, log_ref, ordinal) values ('2026-11-21 09:59Z', 'm-001', 1, 0)`,
      );
      await addMark(batch, { tenant, type: "machine", machineId: "m-001", hourMs: HOUR_MS });

      await rollup.query("begin");
      await rollup.query("delete from millwright.dirty_mark where tenant = $1", [tenant]);
      const { rowCount: counted } = await rollup.query(`select from ${table}`);
      await rollup.query("commit");
      await batch.query("commit");

      const marks = await cell.admin("select from millwright.dirty_mark where tenant = $1", [tenant]);
      return { counted, isMarked: marks.length > 0 };
    } finally {
      await Promise.all([batch.end(), rollup.end()]);
    }
  }

  it("so a reading that a rollup has missed leaves its hour marked", async () => {
    expect(await meetRollup("mark-append", append)).to.deep.equal({ counted: 1, isMarked: true });
  });

  it("would leave a wrong sum for good if a mark that is there were not written again", async () => {
    expect(await meetRollup("mark-once", addWhereNoneIs)).to.deep.equal({ counted: 1, isMarked: false });
  });
});
