import { expect } from "chai";
import fc from "fast-check";
import type pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import type { LogRecord } from "../../../data/event-log/event-log.ts";
import { ingestSubscription } from "../../../handlers/ingest/subscription.ts";
import { topicName, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { logRecord, machineReading } from "../../support/log-records.ts";
import { everyMachine } from "../../support/machines.ts";
import { seed } from "../../support/seed.ts";

/** One delivery: records of both partitions, from an arbitrary offset, to one of two consumers. */
interface Delivery {
  readonly consumer: 0 | 1;
  readonly from: readonly [number, number];
  readonly length: number;
  /** Whether the next delivery starts before this one has answered. */
  readonly isOverlapping: boolean;
}

const RECORDS = 12;
const READINGS_PER_RECORD = 3;

const anyDelivery: fc.Arbitrary<Delivery> = fc.record({
  consumer: fc.constantFrom(0 as const, 1 as const),
  from: fc.tuple(fc.nat(RECORDS - 1), fc.nat(RECORDS - 1)),
  length: fc.integer({ min: 1, max: RECORDS }),
  isOverlapping: fc.boolean(),
});

describe(`ingestion under any delivery schedule (seed ${seed})`, () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  let count = 0;
  before(async () => {
    secret = await testCell();
    pool = openIngestPool(secret, "test");
  });
  after(() => pool.end());

  it("stores each reading exactly once, and in the end all of them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDelivery, { maxLength: 12 }), async (schedule) => {
        const tenant = await testTenant(secret, `schedule-${++count}`);
        const consumers = [consumerOf(tenant), consumerOf(tenant)] as const;
        for (const consumer of consumers) await consumer.topics(); // so that both know the placement
        let running: Promise<unknown>[] = [];
        for (const { consumer, from, length, isOverlapping } of schedule) {
          const batch = from.flatMap((first, partition) => logOf(tenant, partition, first, first + length));
          running.push(consumers[consumer].handle(batch));
          if (isOverlapping) continue;
          await Promise.all(running);
          running = [];
        }
        await Promise.all(running);
        await drain(tenant, consumers[0]);

        // independent of the code under test: what the table holds against what the log was given
        const rows = await asCellRole(secret, "admin", async (client) => {
          const table = `tenant_schedule_${count}.machine_telemetry`;
          const doubled = await client.query(
            `select log_ref, ordinal from ${table} group by log_ref, ordinal having count(*) > 1`,
          );
          expect(doubled.rows).to.deep.equal([]);
          const { rows: sums } = await client.query<{ rows: number; usage: number; cycles: number }>(
            `select count(*)::int as rows, sum(cycle_count)::int as cycles,
                    (select sum(row_count)::int from millwright.usage where tenant = $1) as usage from ${table}`,
            [tenant],
          );
          return sums[0];
        });
        const total = 2 * RECORDS * READINGS_PER_RECORD;
        expect(rows).to.deep.equal({ rows: total, usage: total, cycles: (total * (total - 1)) / 2 });
      }),
      { seed, numRuns: 30 },
    );
  });

  const consumerOf = (tenant: TenantId) =>
    ingestSubscription({
      ...{ cell: "test", pool, machines: everyMachine, now: Date.now },
      topics: () =>
        Promise.resolve([{ tenant, topic: topicName(tenant, "readings", 1), generation: 1, epoch: 1n }]),
      alarm: ({ error }) => expect.fail(String(error)),
      outOfRange: () => expect.fail("nothing was trimmed"),
      stored: () => undefined,
    });

  /** Delivers the rest as a log would: from the stored position. */
  async function drain(tenant: TenantId, consumer: ReturnType<typeof consumerOf>) {
    const topic = topicName(tenant, "readings", 1);
    for (const partition of [0, 1]) {
      const position = Number(await consumer.position({ topic, partition }));
      expect(await consumer.handle(logOf(tenant, partition, position, RECORDS))).to.deep.equal([]);
    }
  }

  function logOf(tenant: TenantId, partition: number, from: number, to: number): LogRecord[] {
    const offsets = Array.from(
      { length: Math.max(0, Math.min(to, RECORDS) - from) },
      (_, index) => from + index,
    );
    return offsets.map((offset) =>
      logRecord(
        tenant,
        partition,
        offset,
        Array.from({ length: READINGS_PER_RECORD }, (_, ordinal) => {
          const number = (partition * RECORDS + offset) * READINGS_PER_RECORD + ordinal;
          return machineReading({ machineId: `m-${number % 5}`, values: { cycle_count: number } });
        }),
      ),
    );
  }
});
