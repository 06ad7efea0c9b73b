import { randomUUID } from "node:crypto";
import { expect } from "chai";
import pg from "pg";
import { acknowledgeAlert, shelveAlert, type AlertRow } from "../../data/catalog/alert.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import { claimDeliveries, type ClaimedDelivery } from "../../data/catalog/delivery-claim.ts";
import { queueDeliveries } from "../../data/catalog/delivery.ts";
import { inTransaction } from "../../data/pool.ts";
import { alertEngine } from "../../handlers/alert/process.ts";
import { tryDelivery } from "../../handlers/notify/try-delivery.ts";
import type { TenantId } from "../../model/tenant.ts";
import { alertPlant, START_MS, wireOf } from "../support/alert-plant.ts";
import { testDispatcher } from "../support/dispatcher.ts";
import { logRecord } from "../support/log-records.ts";
import { ageDeliveries, deliveriesOf, raise } from "../support/outbox.ts";
import { webhookReceiver } from "../support/webhook-receiver.ts";

describe("protocol 4: what people do, and what they are sent", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  let admin: pg.Client;
  before(async () => {
    plant = await alertPlant();
    admin = new pg.Client(plant.admin);
    await admin.connect();
  });
  after(async () => {
    await admin.end();
    await plant.close();
  });

  describe("the columns of people are not the engine's", () => {
    type End = (before: AlertRow, end: () => Promise<unknown>) => Promise<unknown>;

    /** An alert is raised, acknowledged and shelved; then it returns. @returns by whom */
    async function actMeanwhile(end: End) {
      const acme = await plant.newTenant();
      await acme.rule();
      await admin.query("update catalog.rule set valid_from = '2026-01-01' where tenant = $1", [acme.tenant]);
      const horizon = () => Promise.reject(new Error("no timer runs"));
      const engine = alertEngine({ pool: plant.catalog.service, log: { horizon } }).subscription;
      await engine.position({ topic: acme.topic, partition: 0 });
      const handle = (offset: number, value: number) => {
        const facts = { appendedAtMs: START_MS + offset * 1_000 };
        return engine.handle([logRecord(acme.tenant, 0, offset, [wireOf([offset, value])], facts)]);
      };
      await handle(0, 99);
      const { rows } = await admin.query<AlertRow>("select * from catalog.alert where tenant = $1", [
        acme.tenant,
      ]);
      const [alert] = rows;
      await inTenant(plant.catalog, acme.tenant, async (tx) => {
        await shelveAlert(tx, acme.tenant, alert!.alert, { by: "ann", untilMs: Date.now() + 60_000 });
        await acknowledgeAlert(tx, acme.tenant, alert!.alert, { by: "bob" });
      });
      await end(alert!, () => handle(1, 20));
      const [after] = await acme.alerts();
      return [after!.returnedAt !== null, after!.shelvedBy, after!.acknowledgedBy];
    }

    it("so what was done stays done when the alert returns", async () => {
      expect(await actMeanwhile((_before, end) => end())).to.deep.equal([true, "ann", "bob"]);
    });

    it("would be undone if the engine wrote alerts as it knows them", async () => {
      const writeAll: End = (before) =>
        admin.query(
          `update catalog.alert set returned_at = now(), acknowledged_at = $2, acknowledged_by = $3, shelved_until = $4,
                                    shelved_by = $5 where alert = $1`,
          [
            before.alert,
            before.acknowledged_at,
            before.acknowledged_by,
            before.shelved_until,
            before.shelved_by,
          ],
        );
      expect(await actMeanwhile(writeAll)).to.deep.equal([true, null, null]);
    });
  });

  describe("a delivery keeps its id", () => {
    /** A receiver has taken the message, and its answer is lost; then it is tried again. @returns how many it counts */
    async function loseAnswer(asTried: (claimed: ClaimedDelivery) => ClaimedDelivery) {
      const pool = plant.catalog.service;
      const { tenant, channel } = await plant.newTenant();
      let tries = 0;
      const receiver = await webhookReceiver(() => (++tries === 1 ? 500 : 200));
      try {
        await channel(receiver.url());
        await raise(pool, tenant, [{ alert: "a-1" }]);
        const limits = { perChannel: 1, perTenant: 9, total: 9 };
        const leaseMs = { webhook: 60_000, slack: 1, email: 1, sms: 1, sns: 1, "in-app": 1 };
        for (const status of [500, 200]) {
          await ageDeliveries(pool, tenant);
          const claimed = await claimDeliveries(pool, { ...limits, leaseMs, inFlight: new Map() });
          const ours = claimed.find((one) => one.tenant === tenant);
          await tryDelivery(testDispatcher(pool), asTried(ours!), new AbortController().signal);
          expect(tries, `tries up to ${status}`).to.equal(status === 500 ? 1 : 2);
        }
        return new Set(receiver.received.map(({ json }) => json["id"])).size;
      } finally {
        await receiver.close();
      }
    }

    it("so a receiver can tell a second try from a second message", async () => {
      expect(await loseAnswer((claimed) => claimed)).to.equal(1);
    });

    it("would be two messages to the receiver if each try had an id", async () => {
      expect(await loseAnswer((claimed) => ({ ...claimed, delivery: randomUUID() }))).to.equal(2);
    });

    /** The transaction of a batch comes twice to the point where it tells of an alert. @returns deliveries */
    async function queueTwice(queue: (tx: pg.ClientBase, tenant: TenantId) => Promise<unknown>) {
      const { tenant, channel } = await plant.newTenant();
      await raise(plant.catalog.service, tenant, [{ alert: "a-1" }]);
      await channel("http://127.0.0.1:9/");
      for (let time = 0; time < 2; time++)
        await inTransaction(plant.catalog.service, (tx) => queue(tx, tenant));
      return (await deliveriesOf(plant.catalog, tenant)).length;
    }

    it("and is queued once, because its id is made of what is sent where", async () => {
      const queue = (tx: pg.ClientBase, tenant: TenantId) =>
        queueDeliveries(tx, "alert.raised", [{ tenant, alert: "a-1" }]);
      expect(await queueTwice(queue)).to.equal(1);
    });

    it("would be queued twice under ids that are drawn", async () => {
      const queue = (tx: pg.ClientBase, tenant: TenantId) =>
        tx.query(
          `insert into delivery (tenant, delivery, alert, channel, event)
           select tenant, gen_random_uuid()::text, 'a-1', channel, 'alert.raised' from channel where tenant = $1
           on conflict do nothing`,
          [tenant],
        );
      expect(await queueTwice(queue)).to.equal(2);
    });
  });
});
