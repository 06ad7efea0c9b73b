import { expect } from "chai";
import { acknowledgeAlert, shelveAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { deleteRule } from "../../../data/catalog/rule.ts";
import { listSystemEvents, recordSystemEvent } from "../../../data/catalog/system-event.ts";
import { inTransaction } from "../../../data/pool.ts";
import { alertEngine } from "../../../handlers/alert/process.ts";
import { runPublisher } from "../../../handlers/publish/process.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { SYSTEM_EVENTS_TOPIC } from "../../../model/system-event.ts";
import { alertPlant, START_MS } from "../../support/alert-plant.ts";
import { eventually } from "../../support/eventually.ts";
import { readTopic } from "../../support/topic-reader.ts";

describe("publisher", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  const stop = new AbortController();
  const running: Promise<unknown>[] = [];
  const closing: (() => Promise<void>)[] = [];
  before(async () => {
    plant = await alertPlant();
    await plant.log.createTopic(SYSTEM_EVENTS_TOPIC, 1);
    const engine = alertEngine({ pool: plant.catalog.service, log: plant.log });
    running.push(plant.log.consume(engine.subscription, stop.signal));
  });
  after(async () => {
    stop.abort();
    await Promise.all(running);
    await plant.close();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function publisher(append = plant.log.append): void {
    const end = new AbortController();
    const done = runPublisher({ pool: plant.catalog.service, log: { append } }, end.signal);
    closing.push(async () => {
      end.abort();
      await done;
    });
  }
  const reader = (topic: string) => {
    const read = readTopic(plant.log, topic);
    closing.push(read.close);
    return read.events;
  };
  const waiting = async () => {
    const { rows } = await plant.catalog.service.query<{ count: bigint }>(
      "select count(*) as count from alert_event",
    );
    return Number(rows[0]?.count);
  };
  const iso = (seconds: number) => new Date(START_MS + seconds * 1_000).toISOString();

  it("publishes each transition of an alert, in order, as the API shows the alert at that time", async () => {
    publisher();
    const acme = await plant.newTenant();
    const events = reader(acme.alertTopic);
    await acme.rule({}, { id: "hot" });
    await acme.send([[1, 85.5]]);
    const [alert] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      shelveAlert(tx, acme.tenant, alert!.id, { by: "ann", untilMs: Date.now() + 60_000 }),
    );
    await acme.send([[2, 70]]);
    await eventually("the return", () => events.length === 3);
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      acknowledgeAlert(tx, acme.tenant, alert!.id, { by: "bob" }),
    );
    await eventually("all", () => events.length === 4);

    expect(events.map(({ event, alert: { state } }) => [event, state])).to.deep.equal([
      ["alert.raised", "unacknowledged"],
      ["alert.shelved", "shelved"],
      ["alert.returned", "shelved"],
      ["alert.acknowledged", "normal"],
    ]);
    expect(new Set(events.map(({ id }) => id as string)).size).to.equal(4);
    const sequences = events.map(({ sequence }) => Number(sequence));
    expect(sequences).to.deep.equal(sequences.toSorted((a, b) => a - b));
    expect(events[0]).to.deep.include({ schemaVersion: 1, tenant: acme.tenant });
    expect(events[2].alert).to.deep.include({
      ...{ id: alert!.id, rule: "hot", machineId: "m-001", value: 85.5, severity: "critical" },
      ...{ raisedAt: iso(1), returnedAt: iso(2), shelvedBy: "ann", acknowledgedAt: null },
    });
    await eventually("an empty outbox", async () => (await waiting()) === 0);
  });

  it("also tells of alerts that end because their rule goes", async () => {
    publisher();
    const acme = await plant.newTenant();
    const events = reader(acme.alertTopic);
    const { id } = await acme.rule();
    await acme.send([[1, 99]]);
    await eventually("the alert", () => events.length === 1);
    await inTenant(plant.catalog, acme.tenant, (tx) => deleteRule(tx, acme.tenant, id));
    await eventually("its end", () => events.length === 2);
    expect(events[1].event).to.equal("alert.returned");
  });

  it("says nothing of a transition that was rolled back, nor twice of one that is repeated", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.send([[1, 99]]);
    const [alert] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    const acknowledge = (by: string, isKept: boolean) =>
      inTenant(plant.catalog, acme.tenant, async (tx) => {
        await acknowledgeAlert(tx, acme.tenant, alert!.id, { by });
        if (!isKept) throw new Error("changed my mind");
      });
    await acknowledge("ann", false).catch(() => undefined);
    await acknowledge("bob", true);
    await acknowledge("eve", true);
    const events = reader(acme.alertTopic);
    publisher();
    await eventually("an empty outbox", async () => (await waiting()) === 0);
    await eventually("two events", () => events.length === 2);
    expect(events[1].alert.acknowledgedBy).to.equal("bob");
  });

  it("publishes again under the same ids, in order, what a killed publisher may have published", async () => {
    const acme = await plant.newTenant();
    const events = reader(acme.alertTopic);
    await acme.rule();
    await acme.send(Array.from({ length: 20 }, (_, n) => [n, n % 2 === 0 ? 99 : 60] as const));
    await eventually("all transitions", async () => (await waiting()) === 20);
    // Killed between the append and its confirmation: nothing more is heard of it, and its lease stays.
    const dies = new AbortController();
    void runPublisher(
      {
        pool: plant.catalog.service,
        log: { append: async (records) => (await plant.log.append(records), new Promise(() => undefined)) },
      },
      dies.signal,
    );
    await eventually("the first publication", () => events.length === 20);
    publisher();
    await plant.catalog.service.query("update publication_lease set expires_at = now()"); // its time has passed
    await eventually("the second publication", () => events.length === 40);
    await eventually("an empty outbox", async () => (await waiting()) === 0);
    const ids = events.map(({ id }) => id as string);
    dies.abort();
    expect(ids.slice(20)).to.deep.equal(ids.slice(0, 20));
    expect(new Set(ids).size).to.equal(20);
  });

  it("lets no second publisher write to a topic that one has in hand", async () => {
    const acme = await plant.newTenant();
    const events = reader(acme.alertTopic);
    const held = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    await acme.rule();
    await acme.send([[1, 99]]);
    await eventually("the event", async () => (await waiting()) === 1);
    publisher(async (records) => {
      begun.resolve(undefined);
      await held.promise;
      await plant.log.append(records);
    });
    await begun.promise;
    publisher(() => Promise.reject(new Error("two at once")));
    await acme.send([[2, 60]]);
    await eventually("the second event", async () => (await waiting()) === 2);
    held.resolve(undefined);
    await eventually("both, in order", () => events.length === 2);
    expect(events.map(({ event }) => event as string)).to.deep.equal(["alert.raised", "alert.returned"]);
  });

  it("lets a topic that cannot be written to delay no other, and loses nothing of it", async () => {
    const [lame, sound] = [await plant.newTenant(), await plant.newTenant()];
    await plant.log.dropTopic(lame.alertTopic);
    for (const tenant of [lame, sound]) {
      await tenant.rule();
      await tenant.send([[1, 99]]);
    }
    const events = reader(sound.alertTopic);
    publisher();
    await eventually("the sound one's", () => events.length === 1);
    expect(await waiting()).to.equal(1);
    await plant.log.createTopic(lame.alertTopic, 1);
    await plant.catalog.service.query("update publication_lease set expires_at = now()");
    const late = reader(lame.alertTopic);
    await eventually("the lame one's", () => late.length === 1);
  });

  it("publishes the platform's events once each, and keeps them to be listed", async () => {
    const { service } = plant.catalog;
    const events = reader(SYSTEM_EVENTS_TOPIC);
    const failed = {
      kind: "tenant.failed",
      tenant: "acme",
      key: "op-1",
      detail: { code: "engine-failed" },
    } as const;
    await recordSystemEvent(service, failed);
    await recordSystemEvent(service, failed);
    const rolledBack = inTransaction(service, async (tx) => {
      await recordSystemEvent(tx, { kind: "tenant.deleted", tenant: "acme" });
      throw new MillwrightError("internal", "no");
    });
    await rolledBack.catch(() => undefined);
    await recordSystemEvent(service, { kind: "cell.added", detail: { cell: "shared-2" } });
    publisher();
    await eventually("both", () => events.length === 2);
    expect(events.map(({ event, tenant, detail }) => ({ event, tenant, detail }))).to.deep.equal([
      { event: "tenant.failed", tenant: "acme", detail: { code: "engine-failed" } },
      { event: "cell.added", tenant: null, detail: { cell: "shared-2" } },
    ]);
    const { items } = await listSystemEvents(service, { limit: 1 });
    expect(items[0]).to.deep.include({ id: events[1].id, event: "cell.added" });
  });
});
