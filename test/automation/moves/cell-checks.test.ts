import { expect } from "chai";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { targetRefusals } from "../../../automation/moves/cell-checks.ts";
import { asCellAdmin } from "../../../data/cell/cell-admin.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { freeDiskBytes } from "../../../data/cell/free-disk.ts";
import { tenantSize } from "../../../data/cell/tenant-size.ts";
import { readEdition } from "../../../data/cell/edition.ts";
import type { MoveRefusal } from "../../../model/move-gate.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, makeTenantSchema, prepareTestCell, testCell, testTenant } from "../../support/cell.ts";
import { canMountDisk, DatabaseServer } from "../../support/data-plane/database-server.ts";
import { moveCells, prepareTarget, type MoveCells } from "../../support/move-cells.ts";
import { testCellDatabase, testDatabase } from "../../support/postgres.ts";
import { realTimescale, usesRealServices } from "../../support/real-services.ts";
import { skipBecause } from "../../support/skip.ts";

const AS_TEST = { applicationName: "test" };
const codes = (refusals: readonly MoveRefusal[]) => refusals.map(({ code }) => code);

describe("checking the target of a move", () => {
  let cells: MoveCells;
  let source: CellSecret;
  before(async () => {
    cells = await moveCells();
    source = cells.source.secret;
  });
  after(() => cells.close());

  const inSchema = (tenant: TenantId, sql: string) => {
    const { schema } = tenantNames(tenant);
    return asCellRole(source, "admin", (client) => client.query(`set search_path = ${schema}; ${sql}`));
  };

  it("finds nothing against an empty one, prepared or not", async () => {
    const tenant = await testTenant(source, "check-empty");
    const unprepared = { ...(await testCell()), ...(await testCellDatabase()) };
    for (const target of [cells.target, unprepared]) {
      if (target === cells.target) await makeTenantSchema(target, tenant); // as the engine leaves it
      expect(await targetRefusals(source, target, tenant)).to.deep.equal([]);
    }
  });

  it("finds what there is of the tenant already, in its schema and in the cell's own tables", async () => {
    const tenant = await testTenant(source, "check-full");
    await prepareTarget(cells.target, tenant);
    const [refusal, ...others] = await targetRefusals(source, cells.target, tenant);
    expect([refusal?.code, others]).to.deep.equal(["target-not-empty", []]);
    for (const table of ["tenant_check_full.machine_telemetry", "millwright.fence", "millwright.series"])
      expect(refusal?.message).to.contain(table);
    const other = await testTenant(source, "check-neighbour");
    expect(await targetRefusals(source, cells.target, other), "of another tenant").to.deep.equal([]);
    await cells.inTarget("insert into millwright.machine values ($1, 'machine', 'm-1', '', 1)", [other]);
    expect((await targetRefusals(source, cells.target, other))[0]?.message).to.contain("millwright.machine");
  });

  it("says which side does not answer, or lets nobody in", async () => {
    const tenant = await testTenant(source, "check-away");
    const wrongPassword = { ...cells.target, admin: { user: "nobody", password: "wrong" } };
    for (const away of [{ ...cells.target, port: 1 }, wrongPassword]) {
      expect(codes(await targetRefusals(source, away, tenant))).to.deep.equal(["target-unreachable"]);
      expect(codes(await targetRefusals(away, cells.target, tenant))).to.deep.equal(["source-unreachable"]);
    }
  });

  it("names each thing that somebody has changed in the schema, and all at once", async () => {
    const tenant = await testTenant(source, "check-drift");
    await inSchema(
      tenant,
      `alter table machine_telemetry add column torque float8, drop column power_watts;
       alter table energy_monitoring alter column site_id set not null;
       create table notes (id int);
       create view latest as select 1 as one`,
    );
    const refusals = await targetRefusals(source, cells.target, tenant);
    expect(new Set(codes(refusals))).to.deep.equal(new Set(["schema-drifted"]));
    expect(refusals.map(({ message }) => message.split(".")[0]).sort()).to.deep.equal([
      "energy_monitoring",
      "latest is no table of the platform",
      "machine_telemetry has lost its column power_watts",
      "machine_telemetry has one more column, torque",
      "notes is no table of the platform",
    ]);
    await inSchema(
      tenant,
      `alter table machine_telemetry drop column torque, add column power_watts float8;
       alter table energy_monitoring alter column site_id drop not null;
       drop table notes; drop view latest`,
    );
    expect(await targetRefusals(source, cells.target, tenant), "in another order").to.deep.equal([]);
  });

  it("refuses a target of another edition", async function () {
    const tenant = await testTenant(source, "check-edition");
    const other = usesRealServices
      ? await prepareTestCell(await testDatabase())
      : await prepareTestCell((await realTimescale(this)).address);
    const refusals = await targetRefusals(source, other, tenant);
    expect(codes(refusals)).to.include("target-version");
    expect(refusals.some(({ message }) => /TimescaleDB (none|\d)/.test(message))).to.equal(true);
  });

  it("refuses a target whose disk is too small, by what that server itself says", async function () {
    if (!canMountDisk) skipBecause(this, "no-root", "a small tmpfs is mounted as root");
    const tenant = await testTenant(source, "check-disk");
    const folder = await mkdtemp(path.join(tmpdir(), "millwright-small-disk-"));
    const kind = usesRealServices ? "TimescaleDB" : "PostgreSQL";
    const server = await DatabaseServer.start(kind, path.join(folder, "disk"), true);
    try {
      const small = await prepareTestCell({ ...server.address, database: "postgres" });
      expect(codes(await targetRefusals(source, small, tenant)), "with room").to.deep.equal([]);
      await server.fillDisk();
      expect(codes(await targetRefusals(source, small, tenant))).to.deep.equal(["disk-full"]);
      await server.freeDisk();
    } finally {
      await server.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });

  describe("what a server says of itself", () => {
    it("is what is free on its disk", async () => {
      const free = await asCellAdmin(source, AS_TEST, freeDiskBytes);
      const { bavail, bsize } = await statfs(tmpdir());
      expect(free).to.be.closeTo(bavail * bsize, 2 ** 30);
    });

    it("is nothing to who may not ask, and the connection goes on", async () => {
      const free = await asCellRole(source, "ingest", async (client) => [
        await freeDiskBytes(client),
        (await client.query("select 1 as one")).rows,
      ]);
      expect(free).to.deep.equal([undefined, [{ one: 1 }]]);
    });

    it("is about how many rows a tenant has, analyzed, not analyzed, or compressed", async () => {
      const tenant = await testTenant(source, "check-size");
      const rowCount = 40 * 2 * 200;
      await cells.store(tenant, 0, 40, 200);
      const size = () => asCellRole(source, "admin", (client) => tenantSize(client, tenant));
      const fresh = await size();
      expect(fresh.rowCount, "not analyzed").to.be.within(rowCount * 0.4, rowCount * 2.5);
      expect(fresh.byteCount).to.be.greaterThan(rowCount * 50);
      await asCellRole(source, "admin", async (client) => {
        await client.query("analyze");
        if ((await readEdition(client)).rung === "timescaledb-community")
          await client.query(
            "select compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass) from timescaledb_information.chunks where hypertable_schema = $1",
            [tenantNames(tenant).schema],
          );
      });
      expect((await size()).rowCount).to.be.within(rowCount * 0.95, rowCount * 1.05);
    });
  });
});
