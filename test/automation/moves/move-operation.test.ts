import { expect } from "chai";
import { openMove } from "../../../data/catalog/tenant-move.ts";
import { readFlip } from "../../../data/catalog/flip.ts";
import { shadowsOf } from "../../../data/catalog/shadow.ts";
import { getTenant } from "../../../data/catalog/tenant.ts";
import { readFences } from "../../../data/cell/fence.ts";
import { TENANT_TABLES } from "../../../data/cell/tenant-tables.ts";
import { finishDueMoves } from "../../../automation/moves/finish-due-moves.ts";
import { verifyReceipt } from "../../../automation/moves/receipt-signature.ts";
import { movesByOperation } from "../../../automation/triggers/move-port.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { OPERATION_STEPS, type Operation, type StepName } from "../../../model/operation.ts";
import { signedReceipt, type SignedReceipt } from "../../../model/receipt.ts";
import { asCellRole } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { MovePlant, type CellName, type LoadedTenant } from "../../support/live-move.ts";
import { runMoves, schemaEngine } from "../../support/move-operations.ts";
import { alice, ended, type TestOperations } from "../../support/operations.ts";
import { seed } from "../../support/seed.ts";

const request = { actor: alice };
const toT = { tier: "shared", cell: "T" } as const;

describe(`the operation that moves a tenant (seed ${seed})`, function () {
  let plant: MovePlant;
  let engine: ReturnType<typeof schemaEngine>;
  let operations: TestOperations;
  let onStep: ((step: StepName, phase: "before" | "after") => Promise<void> | void) | undefined;
  before(async () => {
    plant = await MovePlant.start();
    engine = schemaEngine(plant.cells);
    operations = await runMoves(plant, { engine, onStep: (step, phase) => onStep?.(step, phase) });
  });
  after(async () => {
    await operations.close();
    await plant.close();
  });
  afterEach(() => (onStep = undefined));

  async function loadedTenant(id: string, recordCount = 60): Promise<LoadedTenant> {
    const loaded = await plant.addTenant(id);
    await plant.test.catalog.service.query("update tenant set state = 'ready' where tenant = $1", [id]);
    loaded.startLoad(seed);
    await loaded.hasStoredMore("S", recordCount);
    return loaded;
  }

  const service = () => operations.service;
  const move = ({ tenant }: LoadedTenant) => service().startMove(tenant, toT, request);
  const homeOf = async ({ tenant }: LoadedTenant) =>
    (await readFlip(plant.test.catalog.service, tenant))?.cell;
  const stateOf = async ({ tenant }: LoadedTenant) =>
    (await getTenant(plant.test.catalog.service, tenant)).state;
  const refusal = (promise: Promise<unknown>) =>
    promise.then(
      () => "accepted",
      (error: unknown) => (error as MillwrightError).code,
    );

  async function succeeded(started: Promise<Operation>): Promise<Operation> {
    const operation = await ended(operations, await started);
    expect(operation.error).to.equal(null);
    expect(operation.status).to.equal("succeeded");
    return operation;
  }

  /** As it is served, and verified as anybody can. */
  function receiptOf({ result }: Operation): SignedReceipt {
    const verdict = verifyReceipt(JSON.stringify(result?.["receipt"]));
    expect(verdict.kind).to.equal("key-unknown");
    return signedReceipt.parse(result?.["receipt"]);
  }

  /** What a cell still has of a tenant. */
  async function tablesIn(cell: CellName, { tenant }: LoadedTenant): Promise<string[]> {
    return asCellRole(plant.cells[cell], "admin", async (client) => {
      const left: string[] = [];
      for (const table of TENANT_TABLES) {
        const { rows } = await client.query(`select from millwright.${table} where tenant = $1 limit 1`, [
          tenant,
        ]);
        if (rows.length > 0) left.push(table);
      }
      const { rows } = await client.query("select from pg_namespace where nspname = $1", [
        `tenant_${tenant.replaceAll("-", "_")}`,
      ]);
      return rows.length === 0 ? left : [...left, "schema"];
    });
  }

  const roleIn = (cell: CellName, { tenant }: LoadedTenant) =>
    asCellRole(
      plant.cells[cell],
      "admin",
      async (client) => (await readFences(client, [tenant])).get(tenant)?.role,
    );

  const isFrozen = async (cell: CellName, loaded: LoadedTenant) =>
    (await tablesIn(cell, loaded)).includes("frozen_tenant");

  it("moves it there and back and there again while it writes, and takes the old home away", async () => {
    const loaded = await loadedTenant("traveller", 150);
    const end = await succeeded(move(loaded));
    expect(end.steps.map(({ name }) => name)).to.deep.equal(OPERATION_STEPS.move);
    const copied = end.steps.find(({ name }) => name === "copy")?.detail as { rows: number };
    expect(copied.rows).to.be.greaterThan(100);
    const { receipt: moved } = receiptOf(end);
    expect(moved).to.deep.include({
      kind: "move",
      from: { cell: "S", tier: "shared" },
      to: { cell: "T", tier: "shared" },
    });
    if (moved.kind !== "move") return;
    expect(moved.totals.rowCount).to.equal(String(copied.rows));
    expect(moved.tails.length).to.be.greaterThan(1);
    expect(moved.tails[0]?.from).to.deep.equal(moved.positions.mark);
    expect(moved.tails.at(-1)?.until).to.deep.equal(moved.positions.final);
    expect(moved.pause.seen?.probeCount).to.be.greaterThan(0);
    expect([await homeOf(loaded), await stateOf(loaded)]).to.deep.equal(["T", "ready"]);
    expect(
      (await shadowsOf(plant.test.catalog.service, loaded.tenant)).map(({ cell }) => cell),
    ).to.deep.equal(["S"]);
    expect(engine.homesOf(loaded.tenant)).to.deep.equal([
      { cell: "T", isProtected: true },
      { cell: "S", isProtected: true },
    ]);
    await loaded.hasStoredMore("T", 50);
    expect([await roleIn("S", loaded), await roleIn("T", loaded)]).to.deep.equal(["shadow", "primary"]);
    expect(await refusal(move(loaded))).to.equal("move-unfinished");

    const back = receiptOf(await succeeded(service().startRollback(loaded.tenant, request)));
    expect(back.receipt).to.deep.include({ from: { cell: "T", tier: "shared" }, ranges: [] });
    expect(await homeOf(loaded)).to.equal("S");
    await loaded.hasStoredMore("S", 50);
    expect(await refusal(service().startRollback(loaded.tenant, request))).to.equal("rollback-too-late");
    const gone = receiptOf(await succeeded(service().startFinishMove(loaded.tenant, request)));
    expect(gone.receipt).to.deep.include({ kind: "clean-up", cell: "T" });
    expect(await tablesIn("T", loaded)).to.deep.equal([]);
    expect(await isFrozen("S", loaded)).to.equal(false);

    await succeeded(move(loaded));
    await loaded.hasStoredMore("T", 50);
    await succeeded(service().startFinishMove(loaded.tenant, request));
    expect(await tablesIn("S", loaded)).to.deep.equal([]);
    expect(await isFrozen("T", loaded)).to.equal(false);
    expect(await openMove(plant.test.catalog.service, loaded.tenant)).to.equal(undefined);
    await loaded.hasStoredMore("T", 50);

    await loaded.stopLoad();
    await loaded.hasStoredAll("T");
    expect(await loaded.findings("T")).to.deep.equal([]);
    expect([plant.alarms, loaded.vanishedCount]).to.deep.equal([[], 0]);
  });

  for (const step of ["build-target", "copy", "flip"] as const)
    it(`leaves the tenant as it was when ${step} fails, and another move succeeds`, async () => {
      const loaded = await loadedTenant(`fails-in-${step}`);
      onStep = (name, phase) => {
        if (name === step && phase === (step === "flip" ? "before" : "after"))
          throw new MillwrightError("copy-differs", "Something broke.");
      };
      const failed = await ended(operations, await move(loaded));
      expect([failed.status, failed.error?.code]).to.deep.equal(["failed", "copy-differs"]);
      expect([await homeOf(loaded), await stateOf(loaded)]).to.deep.equal(["S", "ready"]);
      expect(await tablesIn("T", loaded)).to.deep.equal([]);
      expect(await isFrozen("S", loaded)).to.equal(false);
      expect(await refusal(service().retry(failed.id, request))).to.equal("operation-not-retryable");
      onStep = undefined;
      await loaded.hasStoredMore("S", 20);
      await succeeded(move(loaded));
      await loaded.stopLoad();
      await loaded.hasStoredAll("T");
      expect(await loaded.findings("T")).to.deep.equal([]);
    });

  it("goes on to its end when it is cut off after the flip was decided", async () => {
    const loaded = await loadedTenant("decided");
    let isCutOff = false;
    onStep = (name, phase) => {
      if (name !== "flip" || phase !== "after" || isCutOff) return;
      isCutOff = true;
      throw new MillwrightError("internal", "Cut off.");
    };
    const failed = await ended(operations, await move(loaded));
    expect([failed.status, await homeOf(loaded)]).to.deep.equal(["failed", "T"]);
    await succeeded(service().retry(failed.id, request));
    expect(await stateOf(loaded)).to.equal("ready");
    await loaded.stopLoad();
    await loaded.hasStoredAll("T");
    expect(await loaded.findings("T")).to.deep.equal([]);
  });

  it("stops when it is asked to, and takes back what it has made", async () => {
    const loaded = await loadedTenant("called-off");
    const reached = Promise.withResolvers<undefined>();
    onStep = async (name, phase) => {
      if (name !== "prove" || phase !== "before") return;
      reached.resolve(undefined);
      await eventually("the request to cancel", async () => {
        const { items } = await service().list({ tenant: loaded.tenant, limit: 1 });
        return items[0]?.isCancelRequested === true;
      });
    };
    const operation = await move(loaded);
    await reached.promise;
    await service().cancel(operation.id, request);
    expect((await ended(operations, operation)).status).to.equal("cancelled");
    expect([await homeOf(loaded), await stateOf(loaded)]).to.deep.equal(["S", "ready"]);
    expect(await tablesIn("T", loaded)).to.deep.equal([]);
    await loaded.stopLoad();
    await loaded.hasStoredAll("S");
    expect(await loaded.findings("S")).to.deep.equal([]);
  });

  it("refuses what makes no sense, and a second one at a time", async () => {
    const loaded = await loadedTenant("refused");
    const { tenant } = loaded;
    expect(await refusal(service().startMove(tenant, { tier: "shared" }, request))).to.equal("move-needless");
    expect(await refusal(service().startMove(tenant, { tier: "shared", cell: "S" }, request))).to.equal(
      "move-needless",
    );
    expect(await refusal(service().startRollback(tenant, request))).to.equal("rollback-too-late");
    expect(await refusal(service().startFinishMove(tenant, request))).to.equal("move-needless");
    const start = movesByOperation(operations.service);
    const decision = { id: "0192f0c4-0000-7000-8000-000000000001", reason: "too large" };
    const reached = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    onStep = async (name, phase) => {
      if (name !== "preflight" || phase !== "before") return;
      reached.resolve(undefined);
      await goOn.promise;
    };
    const id = await start(tenant, "dedicated", decision);
    await reached.promise;
    expect(await start(tenant, "dedicated", decision), "the same decision").to.equal(id);
    expect(await refusal(move(loaded))).to.equal("tenant-busy");
    await service().cancel(id, request);
    goOn.resolve(undefined);
    await ended(operations, await service().get(id));
    await loaded.stopLoad();
    await service().startDelete(tenant, request);
    expect(["tenant-busy", "tenant-not-ready"]).to.include(await refusal(move(loaded)));
  });

  it("has no way back after the grace period: then the platform takes the old home away", async () => {
    const loaded = await loadedTenant("settled");
    await succeeded(move(loaded));
    await loaded.stopLoad();
    const { service: catalog } = plant.test.catalog;
    await catalog.query("update shadow set until = now() - interval '1 s' where tenant = $1", [
      loaded.tenant,
    ]);
    expect(await refusal(service().startRollback(loaded.tenant, request))).to.equal("rollback-too-late");
    const warnings: string[] = [];
    const logger = { warn: (_facts: unknown, message?: string) => void warnings.push(String(message)) };
    const finishing = finishDueMoves({ service: catalog, operations: operations.service, logger }, 50);
    try {
      await eventually(
        "the old home is gone",
        async () => (await openMove(catalog, loaded.tenant)) === undefined,
      );
    } finally {
      await finishing.stop();
    }
    expect([await tablesIn("S", loaded), warnings]).to.deep.equal([[], []]);
    await loaded.hasStoredAll("T");
    expect(await loaded.findings("T")).to.deep.equal([]);
  });
});
