import { DateTime } from "luxon";
import { expect } from "chai";
import { acknowledgeAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { queueDeliveries, queueTest } from "../../../data/catalog/delivery.ts";
import { inTransaction } from "../../../data/pool.ts";
import { runDispatcher } from "../../../handlers/notify/process.ts";
import { WEEKDAYS } from "../../../model/channel-hours.ts";
import { alertPlant } from "../../support/alert-plant.ts";
import { testDispatcher } from "../../support/dispatcher.ts";
import { eventually } from "../../support/eventually.ts";
import { ageDeliveries, deliveriesOf, endMinute, raise } from "../../support/outbox.ts";
import { webhookReceiver } from "../../support/webhook-receiver.ts";

const HOUR_MS = 3_600_000;

describe("routing of notifications", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  let shiftMs = 0;
  let status = 200;
  let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
  let stop: (() => Promise<void>) | undefined;
  before(async () => {
    plant = await alertPlant();
    receiver = await webhookReceiver(({ path }) => (path === "/hangs" ? undefined : status));
  });
  after(async () => {
    await receiver.close();
    await plant.close();
  });
  beforeEach(() => {
    shiftMs = 0;
    status = 200;
    startDispatcher();
  });
  afterEach(() => stop?.());

  function startDispatcher(): void {
    const stopping = new AbortController();
    const deps = { ...testDispatcher(plant.catalog.service), now: () => Date.now() + shiftMs };
    const running = runDispatcher(deps, stopping.signal);
    stop = async () => {
      stopping.abort();
      await running;
    };
  }
  const tenantWith = async (rest: object, path: string) => {
    const tenant = await plant.newTenant();
    const channel = await tenant.channel(receiver.url(path), rest);
    const { service: pool } = plant.catalog;
    const received = () => receiver.received.filter((request) => request.path === path);
    return {
      ...{ tenant: tenant.tenant, channel, received },
      raise: (...alerts: Parameters<typeof raise>[2]) => raise(pool, tenant.tenant, alerts),
      age: () => ageDeliveries(pool, tenant.tenant),
      endMinute: () => endMinute(pool, tenant.tenant),
      deliveries: () => deliveriesOf(plant.catalog, tenant.tenant),
      alerts: tenant.alerts,
      acknowledge: (alert: string) =>
        inTenant(plant.catalog, tenant.tenant, (tx) =>
          acknowledgeAlert(tx, tenant.tenant, alert, { by: "ann" }),
        ),
      end: (alert: string) =>
        inTransaction(pool, async (tx) => {
          await tx.query("update alert set returned_at = now() where tenant = $1 and alert = $2", [
            tenant.tenant,
            alert,
          ]);
          await queueDeliveries(tx, "alert.returned", [{ tenant: tenant.tenant, alert }]);
        }),
    };
  };

  it("keeps what comes outside a channel's hours until they begin, and counts no try and no delay of ours", async () => {
    const opens = DateTime.utc().plus({ hours: 2 }).startOf("minute");
    const hours = {
      ...{ weekdays: WEEKDAYS, timeZone: "UTC" },
      ...{ from: opens.toFormat("HH:mm"), to: opens.plus({ hours: 1 }).toFormat("HH:mm") },
    };
    const acme = await tenantWith({ hours }, "/hours");
    await acme.raise({ alert: "night" });
    const [waiting] = await eventually("the wait", async () => {
      const found = await acme.deliveries();
      return found[0]?.nextTryAt === opens.toJSDate().toISOString() && found;
    });
    expect(waiting).to.deep.include({ state: "waiting", tries: [] });
    expect(acme.received()).to.deep.equal([]);

    shiftMs = opens.toMillis() - Date.now() + 1_000;
    await acme.age();
    await eventually("the message", () => acme.received().length === 1);
    const [alert] = await eventually("its record", async () => {
      const alerts = await acme.alerts();
      return alerts[0]?.times.notified != null && alerts;
    });
    expect(alert!.latencyMs.total).to.be.below(0.1 * HOUR_MS);
  });

  it("escalates what nobody has acknowledged, and tells of its end then", async () => {
    const rest = { escalateAfterMs: HOUR_MS, events: ["alert.raised", "alert.returned"] };
    const acme = await tenantWith(rest, "/escalate");
    await acme.raise({ alert: "seen" }, { alert: "over" }, { alert: "ignored" });
    await acme.acknowledge("seen");
    await acme.end("over");
    expect(acme.received()).to.deep.equal([]);
    const states = async () =>
      Object.fromEntries((await acme.deliveries()).map(({ alertId, state }) => [alertId, state]));
    // said at once, though nothing is written before its time
    expect(await states()).to.deep.equal({ seen: "cancelled", over: "cancelled", ignored: "waiting" });

    await acme.age();
    await eventually("the escalation", async () => (await states())["ignored"] === "delivered");
    await acme.end("ignored");
    await eventually("its end", () => acme.received().length === 2);
    expect(acme.received().map(({ json }) => [json["alertId"], json["event"]])).to.deep.equal([
      ["ignored", "alert.raised"],
      ["ignored", "alert.returned"],
    ]);
    const [{ outcomes }] = (
      await plant.catalog.service.query<{ outcomes: string }>(
        "select string_agg(distinct outcome, ',' order by outcome) as outcomes from delivery where tenant = $1",
        [acme.tenant],
      )
    ).rows as [{ outcomes: string }];
    expect(outcomes).to.equal("cancelled,delivered");
  });

  it("drops what repeats a rule on a machine, and says so", async () => {
    const acme = await tenantWith({ dedupMs: HOUR_MS }, "/dedup");
    await acme.raise(
      { alert: "a1", machineId: "a" },
      { alert: "a2", machineId: "a" },
      { alert: "b1", machineId: "b" },
    );
    await acme.raise({ alert: "a3", machineId: "a" });
    await eventually("both machines", () => acme.received().length === 2);
    expect(acme.received().map(({ json }) => json["alertId"])).to.have.members(["a1", "b1"]);
    const dropped = (await acme.deliveries()).filter(({ state }) => state === "deduplicated");
    expect(dropped.map(({ alertId }) => alertId)).to.have.members(["a2", "a3"]);

    await plant.catalog.service.query(
      "update delivery set created_at = created_at - interval '61 min' where tenant = $1",
      [acme.tenant],
    );
    await acme.raise({ alert: "a4", machineId: "a" });
    await eventually("the next hour", () => acme.received().length === 3);
  });

  it("puts what a full minute has no room for into one digest, and loses none", async () => {
    const acme = await tenantWith({ maxPerMinute: 3 }, "/flood");
    const ids = Array.from({ length: 40 }, (_, n) => `flood-${n}`);
    await acme.raise(...ids.map((alert, n) => ({ alert, severity: n < 35 ? "low" : "high" })));
    await eventually("the first three", () => acme.received().length >= 3);
    await stop?.();
    const singles = acme.received().map(({ json }) => json["alertId"]);
    expect(singles.length % 3, "another three when a minute has just begun").to.equal(0);
    await eventually("the digest", async () => {
      await acme.endMinute();
      return (await acme.deliveries()).some(({ event }) => event === "alert.digest");
    });
    await acme.endMinute(); // a second time: nothing is left for another one
    startDispatcher();
    const { json } = await eventually("its message", () =>
      acme.received().find((request) => request.json["event"] === "alert.digest"),
    );
    expect(json).to.deep.include({ tenant: acme.tenant, count: 40 - singles.length });
    const listed = json["alerts"] as { alertId: string; severity: string; deliveryId: string }[];
    expect([...singles, ...listed.map(({ alertId }) => alertId)]).to.have.members(ids);
    expect(listed.map(({ severity }) => severity).indexOf("low")).to.be.greaterThan(0);

    const deliveries = await eventually("all records", async () => {
      const found = await acme.deliveries();
      return found.every(({ state }) => state !== "waiting") && found;
    });
    const digested = deliveries.filter(({ state }) => state === "digested");
    expect(new Set(digested.map(({ digest }) => digest))).to.deep.equal(new Set([json["id"]]));
    expect(digested.map(({ id }) => id)).to.have.members(listed.map(({ deliveryId }) => deliveryId));
    await eventually("all notified", async () =>
      (await acme.alerts()).every(({ times }) => times.notified !== null),
    );
  });

  it("gives up after a day, and shows it", async () => {
    status = 500;
    const acme = await tenantWith({}, "/dead");
    await acme.raise({ alert: "lost" });
    await eventually("a first try", () => acme.received().length > 0);
    await plant.catalog.service.query(
      "update delivery set first_tried_at = first_tried_at - interval '24 h' where tenant = $1",
      [acme.tenant],
    );
    const [lost] = await eventually("the end", async () => {
      await acme.age();
      const found = await acme.deliveries();
      return found[0]?.state === "given-up" && found;
    });
    expect(lost).to.deep.include({ nextTryAt: null, deliveredAt: null });
    expect(lost!.tries.length).to.be.greaterThan(1);
    expect(lost!.tries.map((one) => one.status)).to.include(500);
  });

  it("sends over one channel while another one of the tenant hangs", async () => {
    const acme = await tenantWith({}, "/alive");
    const hanging = await tenantWith({}, "/hangs");
    await hanging.raise(...Array.from({ length: 30 }, (_, n) => ({ alert: `h-${n}` })));
    await eventually("a hanging one", () => hanging.received().length > 0);
    await acme.raise(...Array.from({ length: 30 }, (_, n) => ({ alert: `a-${n}` })));
    await eventually("the others", () => acme.received().length === 30);
    expect((await hanging.deliveries()).every(({ state }) => state === "waiting")).to.equal(true);
  });

  it("sends a test whatever the hours, and takes it for no alert", async () => {
    const never = { weekdays: ["mon"], from: "00:00", to: "00:01", timeZone: "Pacific/Kiritimati" };
    const acme = await tenantWith({ hours: never, minSeverity: "critical" }, "/test");
    const id = await inTenant(plant.catalog, acme.tenant, (tx) =>
      queueTest(tx, acme.tenant, acme.channel.id),
    );
    const { json } = await eventually("the test", () => acme.received()[0]);
    expect(json).to.deep.equal({ id, event: "channel.test", tenant: acme.tenant });
  });
});
