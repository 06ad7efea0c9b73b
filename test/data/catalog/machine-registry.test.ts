import { expect } from "chai";
import { inTenant, type Catalog } from "../../../data/catalog/catalog.ts";
import { machineHistories } from "../../../data/catalog/machine-histories.ts";
import {
  listRegistered,
  refuseUnknownMachines,
  registerMachines,
  registerUnknownMachines,
  removeMachine,
} from "../../../data/catalog/machine-registry.ts";
import { addTenant, getTenant } from "../../../data/catalog/tenant.ts";
import { inTransaction } from "../../../data/pool.ts";
import { refusalOfMachine, type UnknownMachines } from "../../../model/machine-history.ts";
import { tenantId, topicName, type TenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";

describe("the registry of machines", () => {
  let catalog: Catalog;
  let count = 0;
  before(async () => ({ catalog } = await testCatalog()));
  after(() => catalog.close());

  async function newTenant(unknownMachines: UnknownMachines = "register"): Promise<TenantId> {
    const id = tenantId.parse(`registry-${++count}`);
    const facts = { name: id, tier: "shared", machines: 1, budgetUsdPerMonth: null, contacts: [] } as const;
    await addTenant(catalog.service, { id, ...facts, unknownMachines });
    return id;
  }

  /** Whether a consumer that begins now takes a reading of the machine that was appended at that time. */
  async function takes(tenant: TenantId, machineId: string, appendedAtMs: number): Promise<boolean> {
    const topic = topicName(tenant, "readings", 1);
    const history = (await machineHistories(catalog.service).until(appendedAtMs, [{ tenant, topic }]))(topic);
    return history === undefined || refusalOfMachine(history, machineId, appendedAtMs) === undefined;
  }

  const change = <T>(tenant: TenantId, work: Parameters<typeof inTenant<T>>[2]) =>
    inTenant(catalog, tenant, work);

  async function catalogMs(): Promise<number> {
    const { rows } = await catalog.service.query<{ now: Date }>("select clock_timestamp() as now");
    return rows[0]!.now.getTime();
  }

  it("makes a change valid five seconds after it was made, and never before", async () => {
    const tenant = await newTenant();
    const beforeMs = await catalogMs();
    const { unknownMachines, validFrom } = await change(tenant, (tx) =>
      refuseUnknownMachines(tx, tenant, []),
    );
    const fromMs = Date.parse(validFrom ?? "");
    expect(unknownMachines).to.equal("refuse");
    expect(fromMs).to.be.within(beforeMs + 5_000, (await catalogMs()) + 5_000);
    expect(await takes(tenant, "m-1", fromMs - 1)).to.equal(true);
    await age(tenant);
    expect(await takes(tenant, "m-1", fromMs - AGE_MS - 1)).to.equal(true);
    expect(await takes(tenant, "m-1", fromMs - AGE_MS)).to.equal(false);
  });

  it("decides about old records by what held when they were appended", async () => {
    const tenant = await newTenant("refuse");
    const steps = [
      await change(tenant, async (tx) => (await registerMachines(tx, tenant, ["m-1"]))[0]!.registeredFrom),
      await change(tenant, async (tx) => {
        await removeMachine(tx, tenant, "m-1");
        return (await registerUnknownMachines(tx, tenant)).validFrom!;
      }),
    ].map((iso) => Date.parse(iso) - AGE_MS);
    await age(tenant);
    const [registeredMs, openMs] = steps as [number, number];
    expect(await takes(tenant, "m-1", registeredMs - 1)).to.equal(false);
    expect(await takes(tenant, "m-1", registeredMs)).to.equal(true);
    expect(await takes(tenant, "m-2", registeredMs)).to.equal(false);
    expect(await takes(tenant, "m-2", openMs)).to.equal(true);
  });

  it("refuses from the first record on where a tenant is made so", async () => {
    const tenant = await newTenant("refuse");
    expect(await takes(tenant, "m-1", await catalogMs())).to.equal(false);
    expect(await getTenant(catalog.service, tenant)).to.include({ unknownMachines: "refuse" });
    expect(await getTenant(catalog.service, await newTenant())).to.include({ unknownMachines: "register" });
  });

  it("registers what has reported when it begins to refuse, but for what was removed", async () => {
    const tenant = await newTenant();
    await change(tenant, (tx) => removeMachine(tx, tenant, "m-2"));
    await change(tenant, (tx) => refuseUnknownMachines(tx, tenant, ["m-1", "m-2"]));
    await change(tenant, (tx) => refuseUnknownMachines(tx, tenant, ["m-3"])); // refuses already: m-3 is a dead letter
    expect(await registeredIn(tenant)).to.deep.equal(["m-1"]);
  });

  it("leaves a machine as it is when it is registered or removed again", async () => {
    const tenant = await newTenant();
    const [first] = await change(tenant, (tx) => registerMachines(tx, tenant, ["m-1"]));
    await age(tenant);
    const [again] = await change(tenant, (tx) => registerMachines(tx, tenant, ["m-1", "m-1"]));
    expect(Date.parse(again!.registeredFrom)).to.equal(Date.parse(first!.registeredFrom) - AGE_MS);
    for (let i = 0; i < 2; i++) await change(tenant, (tx) => removeMachine(tx, tenant, "m-1"));
    expect(await registeredIn(tenant)).to.deep.equal([]);
    const [back] = await change(tenant, (tx) => registerMachines(tx, tenant, ["m-1"]));
    expect(Date.parse(back!.registeredFrom)).to.be.greaterThan(await catalogMs());
  });

  it("lets a copy lack no change that was made before it, however late that commits", async () => {
    const tenant = await newTenant();
    const topic = topicName(tenant, "readings", 1);
    const copy = machineHistories(catalog.service);
    const [isMade, mayCommit] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const changing = change(tenant, async (tx) => {
      await refuseUnknownMachines(tx, tenant, []);
      isMade.resolve(undefined);
      await mayCommit.promise;
    });
    await isMade.promise;
    let isLoaded = false;
    const loading = copy.until(0, [{ tenant, topic }]).then((historyOf) => {
      isLoaded = true;
      return historyOf(topic);
    });
    await somebodyWaits();
    expect(isLoaded).to.equal(false);
    mayCommit.resolve(undefined);
    await changing;
    expect((await loading)?.refusing).to.have.length(1);
  });

  it("decides nothing about records that are dated ahead of what the catalog can know", async () => {
    const tenant = await newTenant();
    const topics = [{ tenant, topic: topicName(tenant, "readings", 1) }];
    const aheadMs = (await catalogMs()) + 60_000;
    const failure = await machineHistories(catalog.service)
      .until(aheadMs, topics)
      .catch((error: unknown) => error);
    expect(failure).to.include({ code: "clock-skewed", retryable: true });
  });

  it("is seen by its tenant only", async () => {
    const [acme, globex] = [await newTenant(), await newTenant()];
    await change(acme, (tx) => registerMachines(tx, acme, ["m-1"]));
    const seen = await inTenant(catalog, globex, (tx) => listRegistered(tx, acme, { limit: 10 }));
    expect(seen).to.deep.equal([]);
  });

  const AGE_MS = 3_600_000;

  /** As if everything had been changed an hour earlier. */
  async function age(tenant: TenantId): Promise<void> {
    await inTransaction(catalog.service, async (tx) => {
      for (const table of ["machine_refusal", "machine_registration"])
        await tx.query(
          `update ${table} set valid_from = valid_from - interval '1 hour', valid_to = valid_to - interval '1 hour'
            where tenant = $1`,
          [tenant],
        );
      await tx.query("update machine_revision set revision = revision + 1 where tenant = $1", [tenant]);
    });
  }

  async function registeredIn(tenant: TenantId): Promise<string[]> {
    const machines = await inTenant(catalog, tenant, (tx) => listRegistered(tx, tenant, { limit: 10 }));
    return machines.map(({ machineId }) => machineId);
  }

  async function somebodyWaits(): Promise<void> {
    await eventually("a session that waits for the lock", async () => {
      const { rows } = await catalog.service.query(
        `select from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.length > 0;
    });
  }
});
