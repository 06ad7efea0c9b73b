import { expect } from "chai";
import { once } from "node:events";
import net from "node:net";
import { tenantHealth, type HealthDeps } from "../../../automation/health/tenant-health.ts";
import { beginFlip } from "../../../data/catalog/flip.ts";
import { addShadow } from "../../../data/catalog/shadow.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { MINUTE_MS } from "../../../model/duration.ts";
import { hasCode } from "../../../model/errors.ts";
import { LOG_RETENTION_MS } from "../../../model/tenant-log.ts";
import { tenantId, topicName, type TenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { testCell, testTenant } from "../../support/cell.ts";
import { placeTestTenant, registerTestCells } from "../../support/flip-tenant.ts";
import { testLog, type TestLog } from "../../support/log.ts";

describe("a tenant's health as it is read", () => {
  let test: TestCatalog;
  let log: TestLog["log"];
  let cells: Record<string, CellSecret>;
  let deps: HealthDeps;
  before(async () => {
    test = await testCatalog();
    ({ log } = await testLog());
    cells = { S: await testCell(), T: await testCell() };
    await registerTestCells(test.catalog, ["S", "T"]);
    deps = {
      ...{ service: test.catalog.service, log, nowMs: Date.now },
      secretOf: (cell) => Promise.resolve(cells[cell]!),
    };
  });
  after(async () => {
    await log.close();
    await test.catalog.close();
  });

  async function tenantWithTopic(id: string): Promise<TenantId> {
    const tenant = await testTenant(cells["S"]!, id);
    await log.createTopic(topicName(tenant, "readings", 1), 2);
    await placeTestTenant(test.catalog, tenant, "S");
    return tenant;
  }
  const append = (tenant: TenantId, count: number) =>
    log.append(
      Array.from({ length: count }, () => ({
        ...{ topic: topicName(tenant, "readings", 1), partition: 1, headers: {}, value: Buffer.from("{}") },
      })),
    );

  it("tells what it knows of a tenant that is well, and of the rest that nobody knows", async () => {
    const tenant = await tenantWithTopic("well");
    const { status, parts } = await tenantHealth(deps, tenant);
    expect(status).to.equal("unknown");
    expect(parts.dataPath).to.include({ status: "ok", reason: null });
    expect(
      parts.dataPath.facts?.partitions.map(({ partition, lagRecords }) => [partition, lagRecords]),
    ).to.deep.equal([
      [0, 0],
      [1, 0],
    ]);
    expect(parts.placement).to.deep.include({ status: "ok" });
    expect(parts.placement.facts).to.include({ cell: "S", epoch: 1n, state: "stable" });
    expect(parts.disk.facts?.databaseBytes).to.be.greaterThan(1e6);
    expect(parts.alarms).to.include({ status: "ok" });
    expect(parts.disk.facts?.freeBytes).to.be.greaterThan(2 ** 20);
    for (const name of ["backups", "drift"] as const) expect(parts[name].status).to.equal("unknown");
  });

  it("measures by the log what waits to be stored, at home and in a shadow, and how long the log holds it", async () => {
    const tenant = await tenantWithTopic("late");
    await append(tenant, 3);
    await testTenant(cells["T"]!, tenant, { role: "shadow" });
    await addShadow(test.catalog.service, { tenant, cell: "T", epoch: 1n });
    const lateMs = 11 * MINUTE_MS;
    const { status, parts } = await tenantHealth({ ...deps, nowMs: () => Date.now() + lateMs }, tenant);
    expect(status).to.equal("down");
    const [, partition] = parts.dataPath.facts!.partitions;
    expect(partition).to.include({ lagRecords: 3, isOutOfRange: false });
    expect(partition!.lagMs).to.be.within(lateMs, lateMs + MINUTE_MS);
    const [shadow] = parts.placement.facts!.shadows;
    expect(shadow).to.include({ cell: "T", until: null, lagRecords: 3 });
    expect(shadow!.headroomMs).to.equal(LOG_RETENTION_MS - shadow!.lagMs);
  });

  it("sees a flip that is past its deadline", async () => {
    const tenant = await tenantWithTopic("stuck");
    await beginFlip(test.catalog.service, tenant, 1n, "T", 0);
    expect((await tenantHealth(deps, tenant)).parts.placement).to.include({ status: "down" });
  });

  it("answers though the tenant's database is silent, and says which parts nobody knows", async () => {
    const tenant = await tenantWithTopic("silent");
    const silent = net.createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const sockets: net.Socket[] = [];
    silent.on("connection", (socket) => void sockets.push(socket));
    const { port } = silent.address() as net.AddressInfo;
    const secretOf = () => Promise.resolve({ ...cells["S"]!, port });
    const { status, parts } = await tenantHealth({ ...deps, secretOf }, tenant);
    expect(status).to.equal("down");
    expect(parts.dataPath).to.deep.equal({
      status: "down",
      reason: "There was no answer within 3 s.",
      facts: null,
    });
    expect(parts.disk.status).to.equal("unknown");
    expect([parts.placement.status, parts.alarms.status]).to.deep.equal(["ok", "ok"]);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it("is down at once where nobody listens, and does not show what the database said", async () => {
    const tenant = await tenantWithTopic("gone");
    const secretOf = () => Promise.resolve({ ...cells["S"]!, port: 1 });
    const { parts } = await tenantHealth({ ...deps, secretOf }, tenant);
    expect(parts.dataPath).to.include({ status: "down", reason: "a database does not answer" });
  });

  it("is not ready to be asked before it has a place", async () => {
    const asked = tenantHealth(deps, tenantId.parse("nobody")).catch((error: unknown) => error);
    expect(hasCode(await asked, "tenant-not-ready")).to.equal(true);
  });
});
