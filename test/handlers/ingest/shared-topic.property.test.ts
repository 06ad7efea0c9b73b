import { expect } from "chai";
import fc from "fast-check";
import { ingestSubscription } from "../../../handlers/ingest/subscription.ts";
import type { LogRecord, Subscription } from "../../../data/event-log/event-log.ts";
import { hasCode } from "../../../model/errors.ts";
import { tenantId, tenantNames, type TenantId } from "../../../model/tenant.ts";
import { SHARED_READINGS } from "../../../model/topic-name.ts";
import { testTenant } from "../../support/cell.ts";
import { ingestCell, type IngestCell } from "../../support/ingest-cell.ts";
import { sharedRecord } from "../../support/log-records.ts";
import { everyMachine } from "../../support/machines.ts";
import { seed } from "../../support/seed.ts";

const { topic } = SHARED_READINGS;
const PARTITION = 3;
const TENANTS = [0, 1, 2] as const;
/** The third tenant was made when the log had so many records. */
const START = 4;

type Command =
  | { readonly kind: "append"; readonly owners: readonly Owner[] }
  | { readonly kind: "read"; readonly consumer: 0 | 1; readonly count: number }
  /** Both at the same time: one of them believes wrongly that the partition is its own. */
  | { readonly kind: "read both"; readonly count: number }
  | { readonly kind: "poll"; readonly consumer: 0 | 1 }
  | { readonly kind: "restart"; readonly consumer: 0 | 1 }
  | { readonly kind: "fence" | "open" | "raise"; readonly tenant: 0 | 1 | 2 }
  /** What a failover does: position and rows are those of before. */
  | { readonly kind: "move back"; readonly tenant: 0 | 1 | 2; readonly share: number }
  | { readonly kind: "time passes" };

/** Whose a record is: one of the tenants, a former one of the third's id, one of another cell, or nobody. */
type Owner = 0 | 1 | 2 | "former" | "elsewhere" | "nobody";

const anyTenant = fc.constantFrom(...TENANTS);
const anyConsumer = fc.constantFrom(0 as const, 1 as const);
// The second tenant is a quiet one.
const anyOwner: fc.Arbitrary<Owner> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Owner>(0, 2) },
  { weight: 1, arbitrary: fc.constantFrom<Owner>(1, "former", "elsewhere", "nobody") },
);
const count = fc.integer({ min: 1, max: 9 });
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("append" as const), owners: fc.array(anyOwner) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("read" as const), consumer: anyConsumer, count }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read both" as const), count }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("poll" as const), consumer: anyConsumer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), consumer: anyConsumer }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("fence", "open", "raise"), tenant: anyTenant }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant("move back" as const), tenant: anyTenant },
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "time passes" as const }) },
);

describe(`tenants that share a partition, under any schedule (seed ${seed})`, () => {
  let cell: IngestCell;
  let count = 0;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  it("have below their positions all of their records, each once, and above them none", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyOwner, { minLength: START, maxLength: 12 }),
        fc.array(anyCommand, { minLength: 20, maxLength: 50, size: "max" }),
        async (owners, commands) => {
          const world = await SharedWorld.make(cell, ++count, owners);
          for (const command of commands) {
            await world.run(command);
            await world.expectStoredBelowPositions();
          }
          await world.settle();
          await world.expectStoredBelowPositions();
          await world.expectPositionsAtEnd();
        },
      ),
      { seed, numRuns: 25 },
    );
  });
});

/** One partition, the tenants in it, and two consumers that read it as a log would let them. */
class SharedWorld {
  readonly #cell: IngestCell;
  readonly #tenants: readonly TenantId[];
  readonly #log: LogRecord[] = [];
  readonly #owners: Owner[] = [];
  readonly #epochs = [1n, 1n, 1n];
  #nowMs = 0;
  readonly #readers: [Reader, Reader];

  private constructor(cell: IngestCell, tenants: readonly TenantId[]) {
    this.#cell = cell;
    this.#tenants = tenants;
    this.#readers = [this.#newReader(), this.#newReader()];
  }

  static async make(cell: IngestCell, count: number, owners: readonly Owner[]): Promise<SharedWorld> {
    const tenants: TenantId[] = [];
    for (const index of TENANTS) {
      const starts = Array.from({ length: SHARED_READINGS.partitions }, () => 0n);
      if (index === 2) starts[PARTITION] = BigInt(START * 2);
      const topics = [{ ...SHARED_READINGS, starts }];
      tenants.push(await testTenant(cell.secret, `sharing-${count}-${index}`, { topics }));
    }
    const world = new SharedWorld(cell, tenants);
    for (const owner of owners) world.#append(owner);
    for (const reader of world.#readers) await reader.poll();
    return world;
  }

  async run(command: Command): Promise<void> {
    switch (command.kind) {
      case "append":
        for (const owner of command.owners) this.#append(owner);
        return;
      case "read":
        return this.#readers[command.consumer].read(this.#log, command.count);
      case "read both":
        await Promise.all(this.#readers.map((reader) => reader.read(this.#log, command.count)));
        return;
      case "poll":
        return this.#readers[command.consumer].poll();
      case "restart":
        this.#readers[command.consumer] = this.#newReader();
        return this.#readers[command.consumer].poll();
      case "fence":
      case "open":
        await this.#sql("update millwright.fence set is_closed = $2 where tenant = $1", [
          this.#tenants[command.tenant],
          command.kind === "fence",
        ]);
        return;
      case "raise": // a flip there and back: who has not heard of it must not write
        this.#epochs[command.tenant]! += 2n;
        await this.#sql("update millwright.fence set epoch = $2 where tenant = $1", [
          this.#tenants[command.tenant],
          this.#epochs[command.tenant],
        ]);
        return;
      case "move back":
        return this.#moveBack(command.tenant, command.share);
      case "time passes":
        this.#nowMs += 60_000;
        return;
    }
  }

  /**
   * Everybody is open again, one consumer is left, and it has time. Each sends once more: without that nobody would find
   * that a position went back (what does that in earnest cuts connections, and then all are asked anew).
   */
  async settle(): Promise<void> {
    for (const tenant of TENANTS) {
      await this.run({ kind: "open", tenant });
      this.#append(tenant);
    }
    const [reader] = this.#readers;
    for (let round = 0; round < 4; round++) {
      this.#nowMs += 60_000;
      await reader.poll();
      for (let reads = 0; reads < 3; reads++) await reader.read(this.#log, this.#log.length);
    }
  }

  async expectStoredBelowPositions(): Promise<void> {
    const positions = await this.#positions();
    const stored = await this.#stored();
    for (const index of TENANTS) {
      const expected = this.#offsetsOf(index).filter((offset) => offset < positions[index]!);
      expect(stored[index], `below ${positions[index]} of tenant ${index}`).to.deep.equal(expected);
    }
  }

  async expectPositionsAtEnd(): Promise<void> {
    const end = this.#log.length * 2;
    expect(await this.#positions()).to.deep.equal([end, end, end]);
  }

  /** A position is past two offsets of each record: as on Kafka, not every offset is a record's. */
  #append(owner: Owner): void {
    const offset = this.#log.length * 2 + 1;
    const facts = { coversFrom: BigInt(offset - 1) };
    const foreign = tenantId.parse("somebody-else");
    const tenant =
      typeof owner === "number" ? this.#tenants[owner]! : owner === "former" ? this.#tenants[2]! : foreign;
    const isFormer = owner === "former" || (owner === 2 && this.#log.length < START);
    const record = sharedRecord(tenant, PARTITION, offset, { ...facts, generation: isFormer ? 1 : 2 });
    this.#log.push(owner === "nobody" ? { ...record, headers: { kind: "tick" } } : record);
    this.#owners.push(isFormer ? "former" : owner);
  }

  #offsetsOf(index: (typeof TENANTS)[number]): readonly number[] {
    return this.#owners.flatMap((owner, place) => (owner === index ? [place * 2 + 1] : []));
  }

  async #positions(): Promise<readonly number[]> {
    const { rows } = await this.#cell.pool.query<{ position: number }>(
      `select next_offset::int as position from millwright.log_position
        where tenant = any($1) and partition = $2 order by tenant`,
      [this.#tenants, PARTITION],
    );
    return rows.map(({ position }) => position);
  }

  /** Offsets of the stored records, by tenant. */
  async #stored(): Promise<readonly (readonly number[])[]> {
    const tables = this.#tenants.map(
      (tenant, index) =>
        `select ${index} as tenant, log_ref & 1099511627775 as place from ${tenantNames(tenant).schema}.machine_telemetry`,
    );
    const { rows } = await this.#cell.pool.query<{ tenant: number; place: number }>(
      `select tenant, place::int from (${tables.join(" union all ")}) stored order by place`,
    );
    return TENANTS.map((index) => rows.filter(({ tenant }) => tenant === index).map(({ place }) => place));
  }

  async #moveBack(index: (typeof TENANTS)[number], share: number): Promise<void> {
    const tenant = this.#tenants[index]!;
    const lowest = index === 2 ? START * 2 : 0;
    const position = (await this.#positions())[index]!;
    const before = lowest + Math.floor((position - lowest) * share);
    await this.#sql(
      "update millwright.log_position set next_offset = $3 where tenant = $1 and partition = $2",
      [...[tenant, PARTITION], before],
    );
    const { schema } = tenantNames(tenant);
    await this.#sql(`delete from ${schema}.machine_telemetry where (log_ref & 1099511627775) >= $1`, [
      before,
    ]);
  }

  #newReader(): Reader {
    return new Reader(
      ingestSubscription({
        ...{ cell: "test", pool: this.#cell.pool, machines: everyMachine, now: () => this.#nowMs },
        topics: () =>
          Promise.resolve(
            this.#tenants.map((tenant, index) => ({
              tenant,
              topic,
              generation: 2,
              epoch: this.#epochs[index]!,
            })),
          ),
        alarm: ({ error }) => expect.fail(String(error)),
        outOfRange: () => expect.fail("nothing was trimmed"),
        stored: () => undefined,
      }),
    );
  }

  #sql<Row extends object>(text: string, values: unknown[]) {
    return this.#cell.admin<Row & Record<string, unknown>>(text, values);
  }
}

/** What a log does for a subscription, for one partition. */
class Reader {
  readonly #subscription: Subscription;
  #isAssigned = false;
  #next: bigint | undefined;

  constructor(subscription: Subscription) {
    this.#subscription = subscription;
  }

  async poll(): Promise<void> {
    this.#isAssigned = (await this.#subscription.topics()).includes(topic);
    if (!this.#isAssigned) this.#next = undefined;
    for (const { partition, offset } of this.#subscription.seeks?.() ?? [])
      if (partition === PARTITION && this.#next !== undefined) this.#next = offset;
  }

  async read(log: readonly LogRecord[], count: number): Promise<void> {
    if (!this.#isAssigned) return;
    try {
      const from = (this.#next ??= await this.#subscription.position({ topic, partition: PARTITION }));
      const batch = log.filter(({ offset }) => offset >= from).slice(0, count);
      if (batch.length === 0) return;
      const [seek] = await this.#subscription.handle([{ ...batch[0]!, coversFrom: from }, ...batch.slice(1)]);
      this.#next = seek?.offset ?? batch.at(-1)!.offset + 1n;
    } catch (error) {
      if (!hasCode(error, "tenant-fenced")) throw error;
      this.#next = undefined;
    }
  }
}
