import { expect } from "chai";
import { SIDE_TABLES, TENANT_TABLES } from "../../../../data/cell/tenant-tables.ts";
import { claimMove, markTenant } from "../../../../data/cell/move/mark.ts";
import { TABLES } from "../../../../model/reading.ts";
import { tenantNames } from "../../../../model/tenant.ts";
import { hasCode } from "../../../../model/errors.ts";
import { testTenant } from "../../../support/cell.ts";
import { logRecord } from "../../../support/log-records.ts";
import { moveCells, type MoveCells } from "../../../support/move-cells.ts";

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("the mark of a move", () => {
  let cells: MoveCells;
  before(async () => (cells = await moveCells()));
  after(() => cells.close());

  describe("has every table of a tenant", () => {
    it("in the cell's own schema, by name and by column", async () => {
      const rows = await cells.inTarget<{ name: string; columns: string[] }>(
        `select c.relname as name, array_agg(a.attname::text) filter (where a.attidentity = '') as columns
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace = 'millwright'::regnamespace and c.relkind in ('r', 'p')
          group by c.relname having bool_or(a.attname = 'tenant') order by 1`,
      );
      expect(TENANT_TABLES.toSorted(), "a new table joins in data/cell/tenant-tables.ts").to.deep.equal(
        rows.map(({ name }) => name),
      );
      for (const { name, columns } of SIDE_TABLES) {
        const inTable = rows.find((row) => row.name === name)?.columns ?? [];
        expect(columns.toSorted(), `columns of ${name}`).to.deep.equal(inTable.toSorted());
      }
    });

    it("in the tenant's schema", async () => {
      const tenant = await testTenant(cells.source.secret, "mark-schema");
      const rows = await cells.source.admin<{ name: string }>(
        `select c.relname as name from pg_class c
          where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          order by 1`,
        [tenantNames(tenant).schema],
      );
      const known = [...Object.values(TABLES), "aggregated_metrics"].sort();
      expect(rows.map(({ name }) => name)).to.deep.equal(known);
    });
  });

  it("brings positions and side tables as they were at one moment, and no readings", async () => {
    const move = await cells.tenantToMove("mark-whole", 3);
    const { tenant } = move;
    const poison = logRecord(tenant, 0, 3, Buffer.from("not json"), { headers: { "batch-id": "b-1" } });
    await cells.source.store([poison]);
    const { schema } = tenantNames(tenant);
    await cells.source.admin(
      "select millwright.ensure_native_partitions($1, 'aggregated_metrics', '{2024-05-06}')",
      [tenant],
    );
    await cells.source.admin(
      `insert into ${schema}.aggregated_metrics (time, metric_type, aggregation_period, value)
       values ('2024-05-06', 'oee', '1h', 0.5)`,
    );
    const { positions: mark } = await markTenant(move);
    expect(mark.map(({ partition, nextOffset }) => [partition, nextOffset])).to.deep.equal([
      [0, 4n],
      [1, 3n],
    ]);
    for (const { name, columns } of SIDE_TABLES) {
      const sql = `select ${columns.join(", ")} from millwright.${name} where tenant = $1 order by 1, 2, 3`;
      const [there, here] = [await cells.source.admin(sql, [tenant]), await cells.inTarget(sql, [tenant])];
      expect(here, name).to.deep.equal(there);
      if (name !== "dead_letter_removed") expect(here.length, name).to.be.greaterThan(0);
    }
    expect(await cells.inTarget(`select * from ${schema}.aggregated_metrics`)).to.have.length(1);
    expect(await cells.inTarget(`select * from ${schema}.machine_telemetry`)).to.have.length(0);
  });

  it("is made once: a target that is seeded has gone on since", async () => {
    const move = await cells.tenantToMove("mark-once", 2);
    const first = await markTenant(move);
    await cells.inTarget("update millwright.log_position set next_offset = 9 where tenant = $1", [
      move.tenant,
    ]);
    await cells.store(move.tenant, 2, 2);
    expect(await markTenant(move)).to.deep.equal(first);
    const positions = await cells.inTarget<{ next_offset: bigint }>(
      "select next_offset from millwright.log_position where tenant = $1",
      [move.tenant],
    );
    expect(positions.map((row) => row.next_offset)).to.deep.equal([9n, 9n]);
  });

  it("is made once, and whole, by several who try at the same time", async () => {
    const move = await cells.tenantToMove("mark-race", 2);
    const marks = await Promise.all([markTenant(move), markTenant(move), markTenant(move)]);
    expect(
      new Set(marks.map((mark) => JSON.stringify(mark, (_, value: unknown) => String(value)))).size,
    ).to.equal(1);
    const [count] = await cells.inTarget(
      "select count(*)::int from millwright.dirty_mark where tenant = $1",
      [move.tenant],
    );
    const [there] = await cells.source.admin(
      "select count(*)::int from millwright.dirty_mark where tenant = $1",
      [move.tenant],
    );
    expect(count).to.deep.equal(there);
  });

  it("leaves nothing behind when it fails half way", async () => {
    const move = await cells.tenantToMove("mark-half", 2);
    await cells.inTarget(
      "alter table millwright.machine add constraint refuse check (tenant <> 'mark-half')",
    );
    expect(await errorOf(markTenant(move))).to.have.property("code", "23514");
    for (const table of ["dirty_mark", "move_mark", "log_position"]) {
      const rows = await cells.inTarget(`select from millwright.${table} where tenant = $1`, [move.tenant]);
      expect(rows, table).to.deep.equal([]);
    }
    await cells.inTarget("alter table millwright.machine drop constraint refuse");
    expect((await markTenant(move)).positions).to.have.length(2);
  });

  it("is refused to an owner who has a successor, and to a tenant that is not there", async () => {
    const move = await cells.tenantToMove("mark-fenced", 1);
    await claimMove({ ...move, token: 5n });
    expect(hasCode(await errorOf(markTenant(move)), "operation-fenced")).to.equal(true);
    expect(hasCode(await errorOf(claimMove(move)), "operation-fenced")).to.equal(true);
    const gone = await cells.tenantToMove("mark-gone", 1);
    await cells.source.admin("delete from millwright.log_position where tenant = $1", [gone.tenant]);
    expect(hasCode(await errorOf(markTenant(gone)), "tenant-not-ready")).to.equal(true);
  });
});
