import { expect } from "chai";
import type pg from "pg";
import { readFences, tryShareTenants } from "../../../data/cell/fence.ts";
import { asFlipper, openFence, raiseFence } from "../../../data/cell/flip-fence.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { connectTo, ingestCell, type IngestCell } from "../../support/ingest-cell.ts";
import { logRecord } from "../../support/log-records.ts";

describe("raising a fence", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  const raise = (tenant: TenantId, epoch: bigint) =>
    asFlipper(cell.secret, (client) => raiseFence(client, cell.secret, tenant, epoch));
  const open = (tenant: TenantId, epoch: bigint) =>
    asFlipper(cell.secret, (client) => openFence(client, tenant, epoch));
  const isWaiting = async () =>
    (await cell.admin("select from pg_locks where locktype = 'advisory' and not granted")).length > 0;

  it("waits for the writers in hand, and answers when their rows are there", async () => {
    const tenant = await testTenant(cell.secret, "raise-drain");
    const writer = await connectTo(cell.secret, "ingest");
    await writer.query("begin");
    await tryShareTenants(writer, [tenant]);
    await writer.query("update millwright.log_position set next_offset = 5 where tenant = $1", [tenant]);
    const raising = raise(tenant, 2n);
    await eventually("the mover waits", isWaiting);
    await writer.query("commit");
    expect(await raising).to.deep.equal({ epoch: 2n, role: "primary", isClosed: true });
    const [row] = await cell.admin<{ place: bigint; is_ahead: boolean }>(
      `select next_offset as place, closed_until > now() as is_ahead
         from millwright.log_position join millwright.fence using (tenant) where tenant = $1`,
      [tenant],
    );
    expect(row).to.deep.equal({ place: 5n, is_ahead: true });
    await writer.end();
    expect((await cell.store([logRecord(tenant, 0, 5)])).left).to.deep.equal([tenant]);
  });

  it("ends a writer that stands still, and nothing of it remains", async () => {
    const tenant = await testTenant(cell.secret, "raise-stopped");
    const [writer, neighbour] = [
      await connectTo(cell.secret, "ingest"),
      await connectTo(cell.secret, "ingest"),
    ];
    const other = await testTenant(cell.secret, "raise-neighbour");
    const ended = new Promise((resolve) => writer.once("end", resolve));
    writer.on("error", () => undefined);
    await writer.query("begin");
    await tryShareTenants(writer, [tenant]);
    await writer.query("update millwright.log_position set next_offset = 9 where tenant = $1", [tenant]);
    await neighbour.query("begin");
    await tryShareTenants(neighbour, [other]);
    expect((await raise(tenant, 2n))?.isClosed).to.equal(true);
    await ended;
    const rows = await cell.admin(
      "select from millwright.log_position where tenant = $1 and next_offset > 0",
      [tenant],
    );
    expect(rows).to.deep.equal([]);
    await neighbour.query("commit"); // nobody has ended it
    await neighbour.end();
  });

  it("opens again for those who know the epoch, and for nobody before", async () => {
    const tenant = await testTenant(cell.secret, "raise-open");
    await raise(tenant, 2n);
    expect(await open(tenant, 1n)).to.equal(undefined);
    expect((await open(tenant, 2n))?.isClosed).to.equal(false);
    expect(await raise(tenant, 2n), "a raise that comes too late").to.equal(undefined);
    const consumer = async (epoch: bigint) =>
      cell.consumer(tenant, {
        topics: () => Promise.resolve([{ tenant, topic: "raise-open.readings.g1", generation: 1, epoch }]),
      });
    const record = logRecord(tenant, 0, 0);
    expect(await (await consumer(1n)).handle([record])).to.have.length(1); // to be read again
    expect(await (await consumer(2n)).handle([record])).to.deep.equal([]);
  });

  it("answers nothing where there is no such tenant", async () => {
    const tenant = await testTenant(cell.secret, "raise-none");
    await cell.admin("delete from millwright.fence where tenant = $1", [tenant]);
    expect(await raise(tenant, 2n)).to.equal(undefined);
    const client: pg.Client = await connectTo(cell.secret, "ingest");
    expect((await readFences(client, [tenant])).size).to.equal(0);
    await client.end();
  });
});
