import { expect } from "chai";
import type { EventLog, Subscription } from "../../../data/event-log/event-log.ts";
import { ingestSubscription, type IngestDeps } from "../../../handlers/ingest/subscription.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { ownerHeaders, SHARED_READINGS } from "../../../model/topic-name.ts";
import { testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { ingestCell, type IngestCell } from "../../support/ingest-cell.ts";
import { testLog } from "../../support/log.ts";
import { machineReading, sharedRecord } from "../../support/log-records.ts";
import { everyMachine } from "../../support/machines.ts";

const { topic, partitions } = SHARED_READINGS;
const place = { topic, partition: 0 };

describe("tenants that share a topic", () => {
  let cell: IngestCell;
  let log: EventLog;
  let count = 0;
  let nowMs = 0;
  before(async () => {
    cell = await ingestCell();
    ({ log } = await testLog());
    await log.createTopic(topic, partitions);
  });
  after(() => Promise.all([cell.close(), log.close()]));

  /** A tenant that begins at the end of the log. */
  async function newTenant(): Promise<TenantId> {
    const bounds = Array.from({ length: partitions }, (_, partition) => log.bounds({ topic, partition }));
    const starts = (await Promise.all(bounds)).map(({ end }) => end);
    const topics = [{ topic, partitions, starts }];
    return testTenant(cell.secret, `sharer-${++count}`, { topics });
  }

  const subscriptionOf = (tenants: readonly TenantId[], deps: Partial<IngestDeps> = {}): Subscription =>
    ingestSubscription({
      ...{ cell: "test", pool: cell.pool, machines: everyMachine, now: () => nowMs },
      topics: () => Promise.resolve(tenants.map((tenant) => ({ tenant, topic, generation: 1, epoch: 1n }))),
      alarm: ({ error }) => expect.fail(String(error)),
      outOfRange: () => expect.fail("nothing was trimmed"),
      stored: () => undefined,
      ...deps,
    });

  const send = (tenant: TenantId) =>
    log.append([
      {
        ...place,
        headers: { source: "live", ...ownerHeaders(tenant, 1) },
        value: Buffer.from(JSON.stringify([machineReading()])),
      },
    ]);
  const storedCount = async (tenant: TenantId) => (await cell.offsets(tenant)).length;
  const positionOf = async (tenant: TenantId) =>
    (
      await cell.admin<{ position: bigint }>(
        "select next_offset as position from millwright.log_position where tenant = $1 and partition = 0",
        [tenant],
      )
    )[0]?.position;
  const close = (tenant: TenantId, isClosed: boolean) =>
    cell.admin("update millwright.fence set is_closed = $2 where tenant = $1", [tenant, isClosed]);

  it("go on beside one that is fenced, whose records are stored when it is open again", async () => {
    const [open, fenced] = [await newTenant(), await newTenant()];
    const stop = new AbortController();
    const consuming = log.consume(subscriptionOf([open, fenced]), stop.signal);
    for (const tenant of [open, fenced]) await send(tenant);
    await eventually("both", async () => (await storedCount(open)) + (await storedCount(fenced)) === 2);

    await close(fenced, true);
    const before = await positionOf(fenced);
    for (const tenant of [fenced, open, fenced, open]) await send(tenant);
    await eventually("the open one's", async () => (await storedCount(open)) === 3);
    expect([await storedCount(fenced), await positionOf(fenced)]).to.deep.equal([1, before]);

    await close(fenced, false);
    await eventually("the other's", async () => (await storedCount(fenced)) === 3);
    await send(open);
    await eventually("one more", async () => (await storedCount(open)) === 4);
    stop.abort();
    await consuming;
  });

  it("are met where they began by a consumer that has read further", async () => {
    const tenants = [await newTenant()];
    const stop = new AbortController();
    const consuming = log.consume(subscriptionOf(tenants), stop.signal);
    const late = await newTenant();
    await send(late); // not known to the consumer yet
    await send(tenants[0]!);
    await eventually("the first one's", async () => (await storedCount(tenants[0]!)) === 1);
    tenants.push(late);
    await eventually("the late one's", async () => (await storedCount(late)) === 1);
    stop.abort();
    await consuming;
  });

  it("have their positions moved on while they are quiet", async () => {
    const [busy, quiet] = [await newTenant(), await newTenant()];
    const stop = new AbortController();
    const consuming = log.consume(subscriptionOf([busy, quiet]), stop.signal);
    for (let n = 0; n < 5; n++) await send(busy);
    await eventually("the busy one's", async () => (await storedCount(busy)) === 5);
    nowMs += 60_000;
    const { end } = await log.bounds(place);
    await eventually("the position of the quiet one", async () => (await positionOf(quiet)) === end);
    stop.abort();
    await consuming;
  });

  it("are metered and known by themselves, also with machines of one name in one batch", async () => {
    const [acme, zeta] = [await newTenant(), await newTenant()];
    const subscription = subscriptionOf([acme, zeta]);
    await subscription.topics();
    const from = Number(await subscription.position(place));
    const batch = [acme, zeta, acme].map((tenant, n) => sharedRecord(tenant, 0, from + n));
    expect(await subscription.handle(batch)).to.deep.equal([]);
    const metered = await cell.admin(
      "select tenant, row_count::int as rows from millwright.usage where tenant = any($1) order by 1",
      [[acme, zeta]],
    );
    expect(metered).to.deep.equal([
      { tenant: acme, rows: 2 },
      { tenant: zeta, rows: 1 },
    ]);
    const machines = await cell.admin(
      "select tenant, machine_id from millwright.machine where tenant = any($1) order by 1",
      [[acme, zeta]],
    );
    expect(machines).to.deep.equal([acme, zeta].map((tenant) => ({ tenant, machine_id: "m-001" })));
  });

  it("have nothing stored of what lies behind a gap, and are read from before it", async () => {
    const tenant = await newTenant();
    const subscription = subscriptionOf([tenant]);
    await subscription.topics();
    const from = await subscription.position(place);
    const behindGap = sharedRecord(tenant, 0, from + 5n);
    expect(await subscription.handle([behindGap])).to.deep.equal([{ ...place, offset: from }]);
    expect(await storedCount(tenant)).to.equal(0);
  });

  it("go on without one whose position the log no longer holds, with an alarm", async () => {
    const [ahead, behind] = [await newTenant(), await newTenant()];
    await cell.admin("update millwright.log_position set next_offset = $2 where tenant = $1", [
      ahead,
      10_020n,
    ]);
    await cell.admin("update millwright.log_position set next_offset = $2 where tenant = $1", [
      behind,
      10_000n,
    ]);
    const lost: unknown[] = [];
    const subscription = subscriptionOf([ahead, behind], {
      outOfRange: ({ tenant, offset }) => lost.push([tenant, offset]),
    });
    await subscription.topics();
    expect(await subscription.position(place)).to.equal(10_000n);
    subscription.outOfRange({ ...place, offset: 10_000n }, { start: 10_010n, end: 10_030n });
    expect(lost).to.deep.equal([[behind, 10_000n]]);
    await subscription.topics();
    expect(subscription.seeks?.().filter(({ partition }) => partition === 0)).to.deep.equal([
      { ...place, offset: 10_020n },
    ]);
    expect(await subscription.handle([sharedRecord(ahead, 0, 10_020)])).to.deep.equal([]);
    expect(await storedCount(ahead)).to.equal(1);
  });

  it("are not stored by a consumer that acts for a former tenant of the same id", async () => {
    const tenant = await newTenant();
    await cell.admin("update millwright.fence set epoch = 1000001 where tenant = $1", [tenant]);
    const zombie = subscriptionOf([tenant]);
    expect(await zombie.topics()).to.deep.equal([]);
    const from = Number(await positionOf(tenant));
    await zombie.handle([sharedRecord(tenant, 0, from, { generation: 2 })]);
    expect([await storedCount(tenant), await positionOf(tenant)]).to.deep.equal([0, BigInt(from)]);
  });
});
