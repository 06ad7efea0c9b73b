import { expect } from "chai";
import { freezeTenant, thawTenant } from "../../../data/cell/freeze.ts";
import { removeDeadLetters } from "../../../data/cell/remove-dead-letters.ts";
import { tidyCell } from "../../../data/cell/tidy-cell.ts";
import { tenantId } from "../../../model/tenant.ts";
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

  it("takes usage that the catalog has and to which the log can add nothing any more", async () => {
    const secret = await testCell();
    const left = await asCellRole(secret, "admin", async (client) => {
      await client.query(
        `insert into millwright.usage (tenant, minute, topic, partition, row_count, byte_count, is_collected)
         select name, now() - age::interval, 't', 0, 1, 1, is_collected
           from (values ('old', '9 days', true), ('recent', '7 days', true), ('uncollected', '30 days', false))
                as u (name, age, is_collected)`,
      );
      await tidyCell(secret);
      return (await client.query("select tenant from millwright.usage order by 1")).rows;
    });
    expect(left).to.deep.equal([{ tenant: "recent" }, { tenant: "uncollected" }]);
  });

  it("takes dead letters that are old, and the oldest of a tenant with too many, and counts them", async () => {
    const secret = await testCell();
    await asCellRole(secret, "admin", async (client) => {
      await client.query(
        `insert into millwright.dead_letter (tenant, topic, partition, record_offset, log_ref, appended_at, reason,
                                             message, raw, raw_bytes, kept_at)
         select tenant, 't', 0, n, n, now(), reason, '', repeat('x', 800)::bytea, 800, now() - age::interval
           from (values ('acme', 1, 'reading-invalid', '31 days'), ('acme', 2, 'record-undecodable', '29 days'),
                        ('globex', 1, 'reading-invalid', '1 day'), ('globex', 2, 'reading-invalid', '1 day'),
                        ('globex', 3, 'record-undecodable', '1 hour'), ('globex', 4, 'reading-invalid', '0')
                ) as d (tenant, n, reason, age)`,
      );
      expect(await removeDeadLetters(client, 2_500)).to.equal(3); // two of a thousand bytes fit
      expect(await removeDeadLetters(client, 2_500)).to.equal(0);
      const left = await client.query("select tenant, log_ref from millwright.dead_letter order by 1, 2");
      expect(left.rows).to.deep.equal([
        { tenant: "acme", log_ref: 2n },
        { tenant: "globex", log_ref: 3n },
        { tenant: "globex", log_ref: 4n },
      ]);
      const removed = await client.query("select * from millwright.dead_letter_removed order by 1");
      expect(removed.rows).to.deep.equal([
        { tenant: "acme", reason: "reading-invalid", count: 1n },
        { tenant: "globex", reason: "reading-invalid", count: 2n },
      ]);
    });
  });

  it("takes nothing of a tenant that is frozen for a move, until it thaws", async () => {
    const secret = await testCell();
    await asCellRole(secret, "admin", async (client) => {
      await client.query(
        `insert into millwright.batch (tenant, batch_id, content_hash, parts, appended_at)
         select tenant, 'old', 'h', '{0}', now() - interval '10 days' from unnest('{acme,globex}'::text[]) tenant`,
      );
      await client.query(
        `insert into millwright.dead_letter (tenant, topic, partition, record_offset, log_ref, appended_at, reason,
                                             message, raw, raw_bytes, kept_at)
         select tenant, 't', 0, 1, 1, now(), 'reading-invalid', '', 'x', 1, now() - interval '31 days'
           from unnest('{acme,globex}'::text[]) tenant`,
      );
      const acme = tenantId.parse("acme");
      const owners = async (table: string) =>
        (await client.query<{ tenant: string }>(`select tenant from millwright.${table}`)).rows.map(
          ({ tenant }) => tenant,
        );
      for (let again = 0; again < 2; again++) await freezeTenant(secret, acme);
      await tidyCell(secret);
      expect([await owners("batch"), await owners("dead_letter")]).to.deep.equal([["acme"], ["acme"]]);
      for (let again = 0; again < 2; again++) await thawTenant(secret, acme);
      await tidyCell(secret);
      expect([await owners("batch"), await owners("dead_letter")]).to.deep.equal([[], []]);
    });
  });

  it("remembers the replay of a dead letter for as long as it can be replayed", async () => {
    const secret = await testCell();
    const left = await asCellRole(secret, "admin", async (client) => {
      await client.query(
        `insert into millwright.batch (tenant, batch_id, content_hash, parts, appended_at)
         select 'acme', id, 'h', '{0}', now() - age::interval
           from (values ('!replay/1.0.1', '38 days'), ('!replay/1.0.2', '40 days'), ('b', '10 days')) as b (id, age)`,
      );
      await tidyCell(secret);
      return (await client.query("select batch_id from millwright.batch")).rows as unknown;
    });
    expect(left).to.deep.equal([{ batch_id: "!replay/1.0.1" }]);
  });
});
