import { expect } from "chai";
import { readFlip } from "../../../data/catalog/flip.ts";
import { openMove } from "../../../data/catalog/tenant-move.ts";
import { getTenant } from "../../../data/catalog/tenant.ts";
import type { OperationDependencies } from "../../../automation/operations/dependencies.ts";
import { hasCode } from "../../../model/errors.ts";
import type { Operation } from "../../../model/operation.ts";
import { LOG_RETENTION_MS } from "../../../model/tenant-log.ts";
import { tenantId, tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole } from "../../support/cell.ts";
import { MovePlant } from "../../support/live-move.ts";
import { cellSecrets, runMoves } from "../../support/move-operations.ts";
import { alice, ended, type TestOperations } from "../../support/operations.ts";

const request = { actor: alice };
const TO_T = { tier: "shared", cell: "T" } as const;

describe("a move that is refused", () => {
  let plant: MovePlant;
  before(async () => (plant = await MovePlant.start()));
  after(() => plant.close());

  async function readyTenant(id: string): Promise<TenantId> {
    await plant.addTenant(id);
    await plant.test.catalog.service.query("update tenant set state = 'ready' where tenant = $1", [id]);
    return tenantId.parse(id);
  }

  async function within<T>(
    options: Partial<OperationDependencies>,
    work: (operations: TestOperations) => Promise<T>,
  ): Promise<T> {
    const operations = await runMoves(plant, options);
    return work(operations).finally(() => operations.close());
  }

  async function expectUntouched(tenant: TenantId): Promise<void> {
    const { service } = plant.test.catalog;
    expect((await readFlip(service, tenant))?.cell).to.equal("S");
    expect((await getTenant(service, tenant)).state).to.equal("ready");
    expect(await openMove(service, tenant)).to.equal(undefined);
  }

  const move = async (operations: TestOperations, tenant: TenantId): Promise<Operation> =>
    ended(operations, await operations.service.startMove(tenant, TO_T, request));

  it("says every reason at once, and leaves everything as it was", async () => {
    const tenant = await readyTenant("refused-all");
    const inS = (sql: string) => asCellRole(plant.cells.S, "admin", (client) => client.query(sql));
    const inT = (sql: string) => asCellRole(plant.cells.T, "admin", (client) => client.query(sql));
    await inS(`alter table ${tenantNames(tenant).schema}.machine_telemetry add column torque float8`);
    await inT(`insert into millwright.machine values ('refused-all', 'machine', 'm-1', '', 1)`);
    const short = { maxAgeMs: 30_000, maxBytesPerPartition: Infinity };
    const log = { ...plant.log, retention: () => Promise.resolve(short) };
    const failed = await within({ log }, (operations) => move(operations, tenant));
    expect([failed.status, failed.error?.code]).to.deep.equal(["failed", "move-refused"]);
    expect(failed.error?.errors.map(({ pointer }) => pointer)).to.deep.equal([
      "/schema-drifted",
      "/log-retention",
      "/target-not-empty",
    ]);
    expect(failed.error?.detail).to.contain("torque");
    await expectUntouched(tenant);
    const { rows } = await inT("select from millwright.machine where tenant = 'refused-all'");
    expect(rows, "what was in the target stays").to.have.length(1);
  });

  it("says that its target does not answer, having asked for some seconds", async () => {
    const tenant = await readyTenant("refused-away");
    const secrets = cellSecrets({ ...plant.cells, T: { ...plant.cells.T, port: 1 } });
    const failed = await within({ secrets }, (operations) => move(operations, tenant));
    expect([failed.status, failed.error?.code, failed.error?.retryable]).to.deep.equal([
      "failed",
      "database-unavailable",
      true,
    ]);
    await expectUntouched(tenant);
  });

  it("is refused before it begins where the catalog knows why", async () => {
    const tenant = await readyTenant("refused-early");
    await plant.test.catalog.service.query("update tenant set budget_usd_per_month = 1 where tenant = $1", [
      tenant,
    ]);
    await within({}, async ({ service }) => {
      const refused = await service.startMove(tenant, { tier: "dedicated" }, request).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(hasCode(refused, "move-refused") && refused.fields.map(({ pointer }) => pointer)).to.deep.equal([
        "/budget",
      ]);
      const nowhere = await service
        .startMove(tenant, { tier: "shared", cell: "X" }, request)
        .catch((error: unknown) => error);
      expect(hasCode(nowhere, "move-refused") && nowhere.message).to.contain("There is no shared cell X");
      expect((await service.list({ tenant, limit: 10 })).items).to.deep.equal([]);
    });
    await expectUntouched(tenant);
  });

  it("is not, where the log holds it for long enough", async () => {
    const tenant = await readyTenant("refused-not");
    const enough = { maxAgeMs: LOG_RETENTION_MS, maxBytesPerPartition: Infinity };
    const log = { ...plant.log, retention: () => Promise.resolve(enough) };
    const done = await within({ log }, (operations) => move(operations, tenant));
    expect([done.error, done.status]).to.deep.equal([null, "succeeded"]);
    expect(done.steps[0]?.detail?.["estimate"]).to.have.property("totalMs");
  });
});
