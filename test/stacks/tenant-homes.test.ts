import { existsSync } from "node:fs";
import { expect } from "chai";
import * as z from "zod";
import { cellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { createCluster, startCluster } from "../../data/postgres-cluster/cluster.ts";
import {
  isUnchanged,
  localStacks,
  runAs,
  type LocalStacks,
  type TenantHome,
} from "../support/local-stacks.ts";

const PLATFORM = "platform-development";
/** What the platform's stack says of a shared cell is looked up by each run, by a provider of the engine's own. */
const LOOK_UP = /^pulumi:(pulumi:StackReference|providers:pulumi)$/;
const SHARED = { cell: "shared-1" };

const outputsSchema = z.object({
  placement: z.object({ cell: z.string() }),
  reader: z.object({ user: z.string(), password: z.string() }),
  cells: z.record(z.string(), cellSecret),
});

describe("a tenant's homes under the real engine", function () {
  this.timeout(300_000);
  let stacks: LocalStacks;
  let shared: CellSecret;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    stacks = await localStacks();
    await stacks.session(PLATFORM, stacks.platformConfig(), async (session) => {
      await session.up();
      shared = cellSecret.parse(((await session.outputs())["cells"] as Record<string, unknown>)["shared-1"]);
    });
  });
  after(() => stacks.remove());

  const configOf = (tenant: string, homes: readonly TenantHome[], rotation?: number) =>
    stacks.tenantConfig(tenant, homes, {
      dedicatedTenantCount: 1,
      ...(rotation === undefined ? {} : { rotation }),
    });

  /** Brings the stack to these homes, and checks that nothing is left to do. Answers what was done. */
  const bring = (tenant: string, homes: readonly TenantHome[], rotation?: number) =>
    stacks.session(`tenant-${tenant}`, configOf(tenant, homes, rotation), async (session, changes) => {
      await session.up();
      const done = changes
        .filter(({ type }) => !LOOK_UP.test(type))
        .map(({ op, urn }) => ({ op, name: urn.split("::").at(-1) ?? "" }));
      const outputs = outputsSchema.parse(await session.outputs());
      expect(isUnchanged(await session.preview()), "a preview right after").to.equal(true);
      return { ...outputs, changes: done };
    });

  type Changes = Awaited<ReturnType<typeof bring>>["changes"];
  const expectOnly = (changes: Changes, op: string, cell: string) => {
    expect(changes.length, "changes").to.be.above(10);
    expect(changes.filter((change) => change.op !== op || !change.name.includes(cell))).to.deep.equal([]);
  };

  /** Tenants' roles and schemas in a server. */
  const tenantNamesIn = (cell: CellSecret, database?: string) =>
    runAs(
      cell,
      cell.admin,
      [
        `select rolname::text as name from pg_roles where rolname like 'tenant\\_%'
         union all select nspname from pg_namespace where nspname like 'tenant\\_%'`,
      ],
      database,
    );
  const fill = (cell: CellSecret, schema: string) =>
    runAs(cell, cell.admin, [`set role ${schema}_owner`, `create table ${schema}.t as select 1 as x`]);
  const unprotected = (home: TenantHome) => ({ ...home, isProtected: false });

  it("from shared to dedicated and back: each home comes and goes alone", async () => {
    const own = { cell: "dedicated-acme" };
    const first = await bring("acme", [SHARED]);
    await fill(shared, "tenant_acme");

    const both = await bring("acme", [SHARED, own]);
    expectOnly(both.changes, "create", own.cell);
    expect([both.placement.cell, Object.keys(both.cells)]).to.deep.equal(["shared-1", [own.cell]]);
    expect(both.reader, "one login for all homes").to.deep.equal(first.reader);
    const cell = both.cells[own.cell]!;
    await fill(cell, "tenant_acme");
    for (const home of [shared, cell])
      expect(await runAs(home, first.reader, ["select x from t"])).to.deep.equal([{ x: 1 }]);

    const swapped = await bring("acme", [own, SHARED]);
    expect([swapped.changes, swapped.placement.cell]).to.deep.equal([[], own.cell]);
    expect((await bring("acme", [own, unprotected(SHARED)])).changes).to.deep.equal([]);
    const moved = await bring("acme", [own]);
    expectOnly(moved.changes, "delete", SHARED.cell);
    expect(await tenantNamesIn(shared)).to.deep.equal([]);
    expect(await runAs(cell, first.reader, ["select x from t"])).to.deep.equal([{ x: 1 }]);

    expectOnly((await bring("acme", [own, SHARED])).changes, "create", SHARED.cell);
    expect((await bring("acme", [SHARED, unprotected(own)])).changes).to.deep.equal([]);
    const back = await bring("acme", [SHARED]);
    expectOnly(back.changes, "delete", own.cell);
    expect([back.reader, back.cells]).to.deep.equal([first.reader, {}]);
    expect(existsSync(stacks.cellFolder(own.cell)), "the cluster").to.equal(false);
  });

  it("makes the passwords anew with another rotation, in both homes of a tenant that moves, and nothing else", async () => {
    const own = { cell: "dedicated-delta" };
    const first = await bring("delta", [SHARED, own]);
    const rotated = await bring("delta", [SHARED, own], 1);
    const names = (ops: RegExp) =>
      new Set(rotated.changes.filter(({ op }) => ops.test(op)).map(({ name }) => name));
    const secrets = ["delta-reader", "dedicated-delta-ingest", "dedicated-delta-query"];
    const roles = ["shared-1", own.cell].map((cell) => `delta-${cell}-reader`);
    expect(names(/replace/)).to.have.all.keys(secrets);
    expect(names(/^update$/)).to.have.all.keys(...secrets.slice(1), ...roles);
    expect(names(/^(create|delete)$/)).to.deep.equal(new Set());
    const [before, after] = [first.cells[own.cell]!, rotated.cells[own.cell]!];
    for (const [old, fresh, cell] of [
      [first.reader, rotated.reader, shared],
      [first.reader, rotated.reader, after],
      [before.ingest, after.ingest, after],
      [before.query, after.query, after],
    ] as const) {
      expect(await runAs(cell, old, ["select 1"]), `the old password of ${old.user}`).to.equal("28P01");
      expect(await runAs(cell, fresh, ["select 1 as one"])).to.deep.equal([{ one: 1 }]);
    }
    const moved = await bring("delta", [own, unprotected(SHARED)], 1);
    expect([moved.changes, moved.reader]).to.deep.equal([[], rotated.reader]);
  });

  it("from one dedicated cell to another, one dedicated tenant all the time", async () => {
    const folder = stacks.cellFolder("external");
    await createCluster(folder);
    const { user, password, host, port } = await startCluster(folder);
    const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}`;
    const [old, fresh] = [{ cell: "dedicated-beta", url }, { cell: "dedicated-2-beta" }];
    const first = await bring("beta", [old]);
    const external = first.cells[old.cell]!;
    await fill(external, "tenant_beta");

    const both = await bring("beta", [old, fresh]);
    expectOnly(both.changes, "create", fresh.cell);
    expect(Object.keys(both.cells)).to.have.members([old.cell, fresh.cell]);
    expect((await bring("beta", [fresh, unprotected(old)])).changes).to.deep.equal([]);
    const moved = await bring("beta", [fresh]);
    expectOnly(moved.changes, "delete", old.cell);
    expect(Object.keys(moved.cells)).to.deep.equal([fresh.cell]);
    expect(await runAs(moved.cells[fresh.cell]!, first.reader, ["select 1 as x"])).to.deep.equal([{ x: 1 }]);
    // The server is not ours: it stays, as empty as it was.
    expect(await tenantNamesIn(external, "postgres")).to.deep.equal([]);
    const left = `select datname::text as name from pg_database where datname = 'readings'
                  union all select rolname from pg_roles where rolname like 'millwright\\_%'`;
    expect(await runAs(external, external.admin, [left], "postgres")).to.deep.equal([]);
  });

  it("goes from both homes at once when it is deleted", async () => {
    const homes = [SHARED, { cell: "dedicated-gamma" }];
    await bring("gamma", homes);
    await stacks.session("tenant-gamma", configOf("gamma", homes.map(unprotected)), async (session) => {
      await session.up();
      await session.destroy();
    });
    expect(existsSync(stacks.cellFolder("dedicated-gamma"))).to.equal(false);
    const names = (await tenantNamesIn(shared)) as { name: string }[];
    expect(names.filter(({ name }) => name.includes("gamma"))).to.deep.equal([]);
  });
});
