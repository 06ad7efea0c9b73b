import { expect } from "chai";
import { tidyCell } from "../../../data/cell/tidy-cell.ts";
import { asCellRole, testCell } from "../../support/cell.ts";

describe("tidying a cell", () => {
  it("forgets batches that no record of the log can belong to, and marks that say the same", async () => {
    const secret = await testCell();
    const left = await asCellRole(secret, "admin", async (client) => {
      await client.query(
        `insert into millwright.batch (tenant, batch_id, content_hash, parts, appended_at)
         values ('acme', 'old', 'h', '{0}', now() - interval '10 days'), ('acme', 'new', 'h', '{0}', now() - interval '8 days')`,
      );
      await client.query(
        `insert into millwright.dirty_mark (tenant, type, machine_id, hour)
         select 'acme', 'machine', machine, '2026-11-21T10:00Z' from unnest('{m-1,m-2,m-1,m-1}'::text[]) machine`,
      );
      await tidyCell(secret);
      const batches = await client.query("select batch_id from millwright.batch");
      const marks = await client.query("select machine_id from millwright.dirty_mark order by 1");
      return [batches.rows, marks.rows];
    });
    expect(left).to.deep.equal([[{ batch_id: "new" }], [{ machine_id: "m-1" }, { machine_id: "m-2" }]]);
  });
});
