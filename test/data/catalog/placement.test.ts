import { expect } from "chai";
import { claimDedicatedCell, claimSharedCell, listCells, registerCell } from "../../../data/catalog/cell.ts";
import { makePlacementStable, placementOf, placeTenant } from "../../../data/catalog/placement.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { removeTenantRows } from "../../../data/catalog/tenant-rows.ts";
import { prepareEventTopics } from "../../../automation/platform/event-topics.ts";
import { readingsTopics, topicsOfCell } from "../../../data/catalog/topic.ts";
import { inTransaction } from "../../../data/pool.ts";
import { hasCode } from "../../../model/errors.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";

describe("placing tenants", () => {
  let test: TestCatalog;
  beforeEach(async () => {
    test = await testCatalog();
  });
  afterEach(() => test.catalog.close());

  const place = (id: string, topic: "own" | "shared" = "own") =>
    inTransaction(test.catalog.service, async (tx) => {
      await addTenant(tx, newTenant(id));
      const cell = await claimSharedCell(tx);
      await placeTenant(tx, { id: tenantId.parse(id), topic }, cell);
      return cell;
    });

  it("fills the roomiest cell first, and never over its capacity", async () => {
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 3 });
    await registerCell(service, { name: "shared-2", tier: "shared", tenantCapacity: 5 });
    expect(await place("acme")).to.equal("shared-2");
    const rest = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => place(`tenant-${index}`)));
    expect(rest.filter(({ status }) => status === "fulfilled")).to.have.length(7);
    for (const result of rest) {
      if (result.status === "rejected") expect(hasCode(result.reason, "no-capacity")).to.equal(true);
    }
    const cells = await listCells(service);
    expect(cells.map(({ name, tenantCount }) => `${name} ${tenantCount}`)).to.deep.equal([
      "shared-1 3",
      "shared-2 5",
    ]);
  });

  it("gives each dedicated tenant a server of its own, the same one when asked again", async () => {
    const claim = (cell: string) =>
      inTransaction(test.catalog.service, (tx) => claimDedicatedCell(tx, cell, ["a:1/x", "b:1/x"]));
    const claimed = await Promise.all(["dedicated-one", "dedicated-two"].map(claim));
    expect([...claimed].sort()).to.deep.equal(["a:1/x", "b:1/x"]);
    expect(await claim("dedicated-one")).to.equal(claimed[0]);
    const third = await claim("dedicated-three").catch((error: unknown) => error);
    expect(hasCode(third, "no-capacity")).to.equal(true);
  });

  it("gives a tenant that comes again topics of the next generation", async () => {
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 9 });
    const acme = tenantId.parse("acme");
    for (const [generation, epoch] of [
      [1, 1n],
      [2, 1_000_001n], // above all that a stopped writer of the former tenant may know
    ] as const) {
      const topic = `acme.readings.g${generation}`;
      await place("acme");
      await inTransaction(service, (tx) => placeTenant(tx, { id: acme, topic: "own" }, "shared-1")); // changes nothing
      expect((await placementOf(service, acme))?.topics.map((of) => of.topic)).to.deep.equal([
        `acme.alerts.g${generation}`,
        `acme.deadletters.g${generation}`,
        topic,
      ]);
      expect(await topicsOfCell(service, "shared-1")).to.deep.equal([]);
      await makePlacementStable(service, acme);
      expect(await topicsOfCell(service, "shared-1")).to.deep.equal([
        { tenant: "acme", topic, generation, epoch },
      ]);
      await inTransaction(service, (tx) => removeTenantRows(tx, acme));
    }
  });

  it("gives tenants that share a topic the same one for readings, and their own for events", async () => {
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 9 });
    for (const id of ["acme", "zeta"]) {
      await place(id, "shared");
      await makePlacementStable(service, tenantId.parse(id));
    }
    expect(
      (await topicsOfCell(service, "shared-1")).map(({ tenant, topic }) => [tenant, topic]),
    ).to.deep.equal([
      ["acme", "shared.readings.g128"],
      ["zeta", "shared.readings.g128"],
    ]);
    expect(await readingsTopics(service)).to.deep.equal(["shared.readings.g128"]);
    const { topics } = (await placementOf(service, tenantId.parse("zeta")))!;
    expect(topics.map(({ topic }) => topic)).to.deep.equal([
      "shared.readings.g128",
      "zeta.alerts.g1",
      "zeta.deadletters.g1",
    ]);
  });

  it("finds topics for the events of a tenant that was placed before there were any", async () => {
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 9 });
    await place("elder");
    await service.query("delete from topic where stream <> 'readings'");
    const made: string[] = [];
    const log = { createTopic: (topic: string) => Promise.resolve(void made.push(topic)) };
    for (let start = 0; start < 2; start++) await prepareEventTopics(test.catalog, log);
    expect(made.filter((topic) => topic !== "system-events")).to.deep.equal([
      "elder.alerts.g1",
      "elder.deadletters.g1",
    ]);
    expect((await placementOf(service, tenantId.parse("elder")))?.topics).to.have.length(3);
  });

  it("forgets a tenant in every table but the proofs", async () => {
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 9 });
    await place("acme");
    await place("globex");
    const removed = await inTransaction(service, (tx) => removeTenantRows(tx, tenantId.parse("acme")));
    expect(removed).to.deep.equal({ tenant: 1, tenant_placement: 1, topic: 3 });
    expect(await placementOf(service, tenantId.parse("globex"))).to.not.equal(undefined);
  });
});
