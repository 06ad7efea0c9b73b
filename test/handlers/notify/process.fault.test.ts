import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { acknowledgeAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { alertPlant } from "../../support/alert-plant.ts";
import type { AlertHostStart } from "../../support/alert-host.ts";
import { eventually } from "../../support/eventually.ts";
import { LOG_PASSWORD } from "../../support/log.ts";
import { ageDeliveries, deliveriesOf, endMinute, raise } from "../../support/outbox.ts";
import { randomFrom, seed } from "../../support/seed.ts";
import { webhookReceiver, type Received } from "../../support/webhook-receiver.ts";

const KILLS = 8;
const ALERTS_PER_ROUND = 12;

describe(`dispatcher under kill -9 (seed ${seed})`, () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  let host: ChildProcess | undefined;
  before(async () => (plant = await alertPlant()));
  after(async () => {
    host?.kill("SIGKILL");
    await plant.close();
  });

  async function startHost(): Promise<void> {
    host = fork(new URL("../../support/alert-host.ts", import.meta.url), {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const { admin, passwords, kafkaBrokers } = plant;
    host.send({ admin, passwords, kafkaBrokers, logPassword: LOG_PASSWORD } satisfies AlertHostStart);
    await once(host, "message");
  }
  async function killHost(): Promise<void> {
    const gone = host === undefined ? undefined : once(host, "exit");
    host?.kill("SIGKILL");
    await gone;
  }

  it("loses nothing, changes no id, and escalates, digests and shows each alert as if it had lived", async () => {
    const random = randomFrom(seed);
    const receiver = await webhookReceiver(() => (random() < 0.2 ? 503 : 200));
    const acme = await plant.newTenant();
    const { service: pool } = plant.catalog;
    await acme.channel(receiver.url("/all"));
    await acme.channel(receiver.url("/escalation"), { escalateAfterMs: 3_600_000 });
    const limited = await acme.channel(receiver.url("/limited"), { maxPerMinute: 5 });
    await acme.channelOf({ kind: "in-app" });

    const raised: string[] = [];
    const acknowledged = new Set<string>();
    for (let round = 0; round < KILLS; round++) {
      await startHost();
      const rows = Array.from({ length: ALERTS_PER_ROUND }, (_, n) => ({ alert: `alert-${round}-${n}` }));
      await raise(pool, acme.tenant, rows);
      for (const { alert } of rows) {
        raised.push(alert);
        if (random() < 0.5) continue;
        acknowledged.add(alert);
        await inTenant(plant.catalog, acme.tenant, (tx) =>
          acknowledgeAlert(tx, acme.tenant, alert, { by: "ann" }),
        );
      }
      await sleep(random() * 150); // the moment of the kill is the random part; nothing waits for it
      await killHost();
      await endMinute(pool, acme.tenant); // leases of the killed and escalations fall due, and a minute is over
    }
    // the last ones need not wait for the end of a real minute
    await pool.query("update channel set max_per_minute = null where tenant = $1", [acme.tenant]);
    await startHost();
    const isDone = async () => (await ageDeliveries(pool, acme.tenant)) === 0;
    await eventually("everything has an outcome", isDone, 120_000); // retries after random 503s, on any machine
    await killHost();

    const of = (path: string) => receiver.received.filter((request) => request.path === path);
    const idsByAlert = (requests: readonly Received[]) => {
      const alerts = Map.groupBy(requests, ({ json }) => String(json["alertId"]));
      return [...alerts].map(([alert, own]) => ({ alert, ids: new Set(own.map(({ json }) => json["id"])) }));
    };
    const all = idsByAlert(of("/all"));
    expect(all.map(({ alert }) => alert)).to.have.members(raised);
    const escalated = idsByAlert(of("/escalation"));
    expect(escalated.map(({ alert }) => alert)).to.have.members(
      raised.filter((alert) => !acknowledged.has(alert)),
    );
    expect([...all, ...escalated].filter(({ ids }) => ids.size !== 1)).to.deep.equal([]);

    const deliveries = await deliveriesOf(plant.catalog, acme.tenant, limited);
    const own = deliveries.filter(({ event }) => event === "alert.raised");
    expect(own.map(({ alertId }) => alertId)).to.have.members(raised);
    const [digests, singles] = [
      of("/limited").filter(({ json }) => json["event"] === "alert.digest"),
      idsByAlert(of("/limited").filter(({ json }) => json["event"] !== "alert.digest")),
    ];
    expect(own.filter(({ state }) => state === "delivered").map(({ alertId }) => alertId)).to.have.members(
      singles.map(({ alert }) => alert),
    );
    // A digest says the same in every try; what is in one has been sent, and is in no other.
    const digestBodies = Map.groupBy(digests, ({ json }) => json["id"]);
    expect(digestBodies.size).to.be.greaterThan(0);
    for (const [id, tries] of digestBodies) {
      expect(new Set(tries.map(({ body }) => body)).size).to.equal(1);
      const carried = own.filter(({ digest }) => digest === id).map(({ alertId }) => alertId);
      const { count, alerts } = tries[0]!.json as { count: number; alerts: { alertId: string }[] };
      expect(count).to.equal(carried.length);
      expect(carried).to.include.members(alerts.map(({ alertId }) => alertId));
    }
    const carriers = own.filter(({ state }) => state === "digested").map(({ digest }) => digest);
    expect([...new Set(carriers)]).to.have.members([...digestBodies.keys()]);

    const { rows: notices } = await pool.query<{ alert: string }>(
      "select payload ->> 'alertId' as alert from in_app_notice where tenant = $1",
      [acme.tenant],
    );
    expect(notices.map(({ alert }) => alert)).to.have.members(raised);
    await receiver.close();
  });
});
