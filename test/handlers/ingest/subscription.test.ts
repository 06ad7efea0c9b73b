import { expect } from "chai";
import type pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import type { EventLog, LogRecord } from "../../../data/event-log/event-log.ts";
import { deliver } from "../../../handlers/ingest/deliver.ts";
import { logRecordsOf } from "../../../handlers/ingest/msk-event.ts";
import { ingestSubscription, type IngestDeps } from "../../../handlers/ingest/subscription.ts";
import { tenantId, topicName, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { testLog } from "../../support/log.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { everyMachine } from "../../support/machines.ts";

describe("the consumer of a cell", () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  let count = 0;
  before(async () => {
    secret = await testCell();
    pool = openIngestPool(secret, "test");
  });
  after(() => pool.end());

  const newTenant = () => testTenant(secret, `consumer-${++count}`);

  async function consumerOf(tenants: readonly TenantId[], deps: Partial<IngestDeps> = {}) {
    const subscription = ingestSubscription({
      ...{ cell: "shared-1", pool, machines: everyMachine, now: Date.now },
      topics: () =>
        Promise.resolve(
          tenants.map((tenant) => ({
            tenant,
            topic: topicName(tenant, "readings", 1),
            generation: 1,
            epoch: 1n,
          })),
        ),
      alarm: ({ error }) => expect.fail(String(error)),
      outOfRange: () => expect.fail("nothing was trimmed"),
      stored: () => undefined,
      ...deps,
    });
    await subscription.topics();
    return subscription;
  }

  const sql = (text: string) =>
    asCellRole(secret, "admin", async (client) => (await client.query<Record<string, unknown>>(text)).rows);

  const rowCount = async (tenant: TenantId) =>
    (await sql(`select from tenant_${tenant.replaceAll("-", "_")}.machine_telemetry`)).length;

  it("begins at the stored position", async () => {
    const tenant = await newTenant();
    const consumer = await consumerOf([tenant]);
    await consumer.handle([0, 1, 2].map((offset) => logRecord(tenant, 1, offset)));
    const topic = topicName(tenant, "readings", 1);
    expect(await consumer.position({ topic, partition: 1 })).to.equal(3n);
    expect(await consumer.position({ topic, partition: 0 })).to.equal(0n);
  });

  it("knows no position of a tenant that the cell does not hold", async () => {
    const consumer = await consumerOf([]);
    await consumer.position({ topic: "nobody.readings.g1", partition: 0 }).then(
      () => expect.fail("answered"),
      (error: unknown) => expect(error).to.include({ code: "tenant-fenced", retryable: true }),
    );
  });

  it("follows no topic that the cell does not hold, though it is placed there", async () => {
    const [here, halfDeleted] = [await newTenant(), tenantId.parse("half-deleted")];
    const consumer = await consumerOf([here, halfDeleted]);
    expect(await consumer.topics()).to.deep.equal([topicName(here, "readings", 1)]);
  });

  it("stores a delivery of several parts in order", async () => {
    const tenant = await newTenant();
    const outcomes: number[] = [];
    const consumer = await consumerOf([tenant], { stored: (outcome) => outcomes.push(outcome.rowCount) });
    const big = Array.from({ length: 1_000 }, () =>
      machineReading({ values: { state: "x".repeat(128), error_code: "y".repeat(128) } }),
    );
    expect(
      await consumer.handle([0, 1, 2, 3, 4].map((offset) => logRecord(tenant, 0, offset, big))),
    ).to.deep.equal([]);
    expect(outcomes.length).to.be.greaterThan(1);
    expect(await rowCount(tenant)).to.equal(5_000);
  });

  it("sends a fenced tenant back to where it was, and its neighbour on", async () => {
    const [fenced, neighbour] = [await newTenant(), await newTenant()];
    const consumer = await consumerOf([fenced, neighbour]);
    await sql(`update millwright.fence set is_closed = true where tenant = '${fenced}'`);
    const batch = [fenced, neighbour].map((tenant) => logRecord(tenant, 0, 0));
    const topic = topicName(fenced, "readings", 1);
    expect(await consumer.handle(batch)).to.deep.equal([{ topic, partition: 0, offset: 0n }]);
    expect(await rowCount(neighbour)).to.equal(1);

    await sql(`update millwright.fence set is_closed = false where tenant = '${fenced}'`);
    expect(await consumer.handle(batch.slice(0, 1))).to.deep.equal([]);
    expect(await rowCount(fenced)).to.equal(1);
  });

  it("leaves a tenant alone after an alarm, and tries again later", async () => {
    const tenant = await newTenant();
    let nowMs = APPENDED_AT_MS;
    const alarms: string[] = [];
    const consumer = await consumerOf([tenant], {
      now: () => nowMs,
      alarm: (alarm) => alarms.push(alarm.tenant),
    });
    const { schema } = { schema: `tenant_${tenant.replaceAll("-", "_")}` };
    await sql(`alter table ${schema}.machine_telemetry rename to away`);
    expect(await consumer.handle([logRecord(tenant, 0, 0)])).to.have.length(1);
    expect(alarms).to.deep.equal([tenant]);
    expect(await consumer.topics()).to.deep.equal([]);

    await sql(`alter table ${schema}.away rename to machine_telemetry`);
    nowMs += 60_000;
    expect(await consumer.topics()).to.have.length(1);
    expect(await consumer.handle([logRecord(tenant, 0, 0)])).to.deep.equal([]);
    expect(await rowCount(tenant)).to.equal(1);
  });

  it("ignores records of a topic that is none of ours", async () => {
    const consumer = await consumerOf([]);
    const foreign = logRecord(tenantId.parse("acme"), 0, 0, undefined, { topic: "__consumer_offsets" });
    expect(await consumer.handle([foreign])).to.deep.equal([]);
  });

  describe("behind an event source that cannot seek", () => {
    let log: EventLog;
    before(async () => ({ log } = await testLog()));
    after(() => log.close());

    /**
     * Appends records of 40 readings and much white space to partition 0 of the tenant, so that a hundred are more than a
     * fetch; answers those from `offset` on as a delivery.
     */
    async function appendAll(tenant: TenantId, recordCount: number, offset: number) {
      const topic = topicName(tenant, "readings", 1);
      const readings = Array.from({ length: 40 }, () => machineReading());
      const value = Buffer.from(JSON.stringify(readings) + " ".repeat(70_000));
      await log.createTopic(topic, 2);
      await log.append(
        Array.from({ length: recordCount }, () => ({ topic, partition: 0, headers: {}, value })),
      );
      return (await log.read({ topic, partition: 0, offset: BigInt(offset) })).records;
    }

    it("skips what is stored", async () => {
      const tenant = await newTenant();
      const consumer = await consumerOf([tenant]);
      for (const offsets of [
        [0, 1, 2],
        [1, 2, 3, 4],
      ])
        await deliver(
          log,
          consumer,
          offsets.map((offset) => logRecord(tenant, 0, offset)),
        );
      expect(await rowCount(tenant)).to.equal(5);
    });

    it("reads what lies before a delivery from the log first, in parts", async () => {
      const tenant = await newTenant();
      const delivery = await appendAll(tenant, 300, 290);
      const { handle, position } = await consumerOf([tenant]);
      const parts: number[] = [];
      const consumer = {
        position,
        handle: (records: readonly LogRecord[]) => (parts.push(records.length), handle(records)),
      };
      await deliver(log, consumer, delivery);
      expect(parts.length).to.be.greaterThan(2);
      const end = delivery.at(-1)!.offset + 1n;
      expect(BigInt(await rowCount(tenant))).to.equal(end * 40n);
      expect(await position({ topic: topicName(tenant, "readings", 1), partition: 0 })).to.equal(end);
    });

    it("leaves the gap to the next delivery while the tenant is fenced", async () => {
      const tenant = await newTenant();
      const delivery = await appendAll(tenant, 3, 2);
      const consumer = await consumerOf([tenant]);
      const refusal = () => deliver(log, consumer, delivery).catch((error: unknown) => error);
      await sql(`update millwright.fence set is_closed = true where tenant = '${tenant}'`);
      expect(await refusal()).to.include({ code: "tenant-fenced", retryable: true });
      expect(await rowCount(tenant)).to.equal(0);
      await sql(`update millwright.fence set is_closed = false where tenant = '${tenant}'`);
      expect(await refusal()).to.equal(undefined);
      expect(await rowCount(tenant)).to.equal(3 * 40);
    });

    it("stops where the log does not hold the stored position, and stores nothing", async () => {
      const tenant = await newTenant();
      await appendAll(tenant, 1, 0);
      const consumer = await consumerOf([tenant]);
      await sql(`update millwright.log_position set next_offset = 3 where tenant = '${tenant}'`);
      await deliver(log, consumer, [logRecord(tenant, 0, 5)]).then(
        () => expect.fail("stored behind a gap"),
        (error: unknown) => expect(error).to.include({ code: "offset-out-of-range" }),
      );
      expect(await rowCount(tenant)).to.equal(0);
    });

    it("reads an MSK event", () => {
      const value = Buffer.from("[]");
      const event = {
        records: {
          "acme.readings.g1-0": [
            {
              ...{ topic: "acme.readings.g1", partition: 0, offset: 7, timestamp: APPENDED_AT_MS },
              ...{ value: value.toString("base64"), headers: [{ part: [...Buffer.from("3")] }] },
            },
          ],
        },
      };
      expect(logRecordsOf(event)).to.deep.equal([
        {
          ...{
            topic: "acme.readings.g1",
            partition: 0,
            offset: 7n,
            coversFrom: 7n,
            appendedAtMs: APPENDED_AT_MS,
          },
          ...{ value, headers: { part: "3" } },
        },
      ]);
    });
  });
});
