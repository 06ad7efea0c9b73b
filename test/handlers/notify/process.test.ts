import { expect } from "chai";
import { acknowledgeAlert, shelveAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { listDeliveries } from "../../../data/catalog/delivery.ts";
import { alertEngine } from "../../../handlers/alert/process.ts";
import { runDispatcher } from "../../../handlers/notify/process.ts";
import { alertPlant } from "../../support/alert-plant.ts";
import { testDispatcher } from "../../support/dispatcher.ts";
import { eventually } from "../../support/eventually.ts";
import { isSignedWith, webhookReceiver } from "../../support/webhook-receiver.ts";

describe("dispatcher", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  const stop = new AbortController();
  const running: Promise<unknown>[] = [];
  const closing: (() => Promise<void>)[] = [];
  before(async () => {
    plant = await alertPlant();
    const pool = plant.catalog.service;
    const engine = alertEngine({ pool, log: plant.log });
    running.push(plant.log.consume(engine.subscription, stop.signal));
    running.push(runDispatcher(testDispatcher(pool), stop.signal));
  });
  after(async () => {
    stop.abort();
    await Promise.all(running);
    await plant.close();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  const receiverOf = async (...args: Parameters<typeof webhookReceiver>) => {
    const receiver = await webhookReceiver(...args);
    closing.push(receiver.close);
    return receiver;
  };

  it("posts a raised alert with all that the contract names, signed", async () => {
    const receiver = await receiverOf();
    const acme = await plant.newTenant();
    await acme.rule({}, { id: "hot" });
    await acme.channel(receiver.url());
    await acme.send([[1, 85.5]]);
    const request = await eventually("the webhook", () => receiver.received[0]);

    const [alert] = await eventually("the notified time", async () => {
      const alerts = await acme.alerts();
      return alerts[0]?.times.notified != null && alerts;
    });
    const { produced, appended, evaluated, committed } = alert!.times;
    expect(request.json).to.deep.equal({
      id: request.json["id"],
      event: "alert.raised",
      alertId: alert!.id,
      tenant: acme.tenant,
      rule: "hot",
      machineId: "m-001",
      severity: "critical",
      value: 85.5,
      via: [await plant.origin(acme.tenant)],
      times: { produced, appended, evaluated, committed, notified: null },
    });
    expect(isSignedWith("s3cret", request)).to.equal(true);
  });

  it("tries again with the same id and body until a 2xx, and records every try", async () => {
    let count = 0;
    const receiver = await receiverOf(() => (++count === 1 ? 500 : count === 2 ? 302 : 204));
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.channel(receiver.url());
    await acme.send([[1, 99]]);
    await eventually("three tries", () => receiver.received.length === 3);
    expect(new Set(receiver.received.map(({ body }) => body)).size).to.equal(1);
    const [delivery] = await eventually("the record", async () => {
      const { items } = await inTenant(plant.catalog, acme.tenant, (tx) =>
        listDeliveries(tx, acme.tenant, { limit: 10 }),
      );
      return items[0]?.deliveredAt != null && items;
    });
    expect(delivery!.id).to.equal(receiver.received[0]!.json["id"]);
    expect(delivery!.tries.map(({ status }) => status)).to.deep.equal([500, 302, 204]);
  });

  it("does not let a receiver that never answers delay another", async () => {
    const dead = await receiverOf(() => undefined);
    const alive = await receiverOf();
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.channel(dead.url());
    await acme.channel(alive.url());
    await acme.send(Array.from({ length: 40 }, (_, n) => [1, 99, `m-${n}`] as const));
    await eventually("all of the living one", () => alive.received.length === 40);
    expect(dead.received.length).to.be.at.most(2 * 16); // its own slots, and once more after a time-out
  });

  it("sends what a channel asked for: severity and events", async () => {
    const receiver = await receiverOf();
    const acme = await plant.newTenant();
    await acme.rule({}, { severity: "medium", machines: ["medium"] });
    await acme.rule({}, { severity: "high", machines: ["high"] });
    await acme.channel(receiver.url("/urgent"), { minSeverity: "high" });
    await acme.channel(receiver.url("/all"), { events: ["alert.returned", "alert.acknowledged"] });
    await acme.send([
      [1, 99, "medium"],
      [1, 99, "high"],
    ]);
    await eventually("the raised one", () => receiver.received.length === 1);
    await acme.send([[2, 70, "medium"]]);
    await eventually("the returned one", () => receiver.received.length === 2);
    const high = (await acme.alerts({ severity: "high" }))[0]!;
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      acknowledgeAlert(tx, acme.tenant, high.id, { by: "ann" }),
    );
    await eventually("the acknowledged one", () => receiver.received.length === 3);
    expect(receiver.received.map(({ path, json }) => [path, json["event"], json["machineId"]])).to.deep.equal(
      [
        ["/urgent", "alert.raised", "high"],
        ["/all", "alert.returned", "medium"],
        ["/all", "alert.acknowledged", "high"],
      ],
    );
  });

  it("sends nothing of a rule and machine that are shelved", async () => {
    const receiver = await receiverOf();
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.channel(receiver.url());
    await acme.send([[1, 99, "noisy"]]);
    await eventually("the first", () => receiver.received.length === 1);
    const [alert] = await acme.alerts();
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      shelveAlert(tx, acme.tenant, alert!.id, { by: "ann", untilMs: Date.now() + 60_000 }),
    );
    await acme.send([
      [2, 70, "noisy"],
      [3, 99, "noisy"],
      [3, 99, "quiet"],
    ]);
    await eventually("the other machine's", () => receiver.received.length === 2);
    expect(receiver.received[1]!.json["machineId"]).to.equal("quiet");
    expect(await acme.alerts()).to.have.length(3);
  });

  it("connects to no address that the policy forbids, whatever was stored", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.channel("http://169.254.169.254/latest/");
    await acme.send([[1, 99]]);
    const [delivery] = await eventually("a refused try", async () => {
      const { items } = await inTenant(plant.catalog, acme.tenant, (tx) =>
        listDeliveries(tx, acme.tenant, { limit: 10 }),
      );
      return (items[0]?.tries.length ?? 0) > 0 && items;
    });
    expect(delivery!.tries[0]).to.deep.include({ status: null });
    expect(delivery!.tries[0]!.error).to.contain("may not reach");
  });

  it("keeps a channel's secret from the application's role", async () => {
    const acme = await plant.newTenant();
    await acme.channel("http://127.0.0.1:1/");
    const read = inTenant(plant.catalog, acme.tenant, (tx) => tx.query("select sealed from channel"));
    expect(String(await read.catch((error: unknown) => error))).to.contain("permission denied");
  });
});
