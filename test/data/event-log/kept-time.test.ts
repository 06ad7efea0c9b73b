import { expect } from "chai";
import pg from "pg";
import type { EmbeddedLog } from "../../../data/event-log/embedded-log.ts";
import type { Retention } from "../../../data/event-log/event-log.ts";
import { keptMs } from "../../../data/event-log/kept-time.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { testEmbeddedLog } from "../../support/log.ts";
import { recordOf } from "./contract.ts";

const HOUR_MS = 3_600_000;
const partition = { topic: "kept.readings.g1", partition: 0 };

describe("how long a partition holds a record", () => {
  let log: EmbeddedLog;
  let admin: DatabaseAddress;
  before(async () => {
    ({ log, admin } = await testEmbeddedLog());
    await log.createTopic(partition.topic, 1);
  });
  after(() => log.close());

  const kept = (limits: Partial<Retention> = {}, nowMs = Date.now()) => {
    const retention = { maxAgeMs: 100 * HOUR_MS, maxBytesPerPartition: 10_000, ...limits };
    return keptMs({ ...log, retention: () => Promise.resolve(retention) }, partition, nowMs);
  };
  const hours = async (...args: Parameters<typeof kept>) => Math.round((await kept(...args)) / HOUR_MS);

  it("is its age limit while it is empty, or may grow", async () => {
    expect(await hours()).to.equal(100);
    await log.append(Array.from({ length: 10 }, () => recordOf(partition.topic, "x".repeat(100))));
    expect(await hours({ maxBytesPerPartition: Infinity })).to.equal(100);
  });

  it("is less where it fills faster", async () => {
    expect(await hours(), "1,000 bytes of one burst count as an hour's").to.equal(10);
    const client = new pg.Client(admin);
    await client.connect();
    await client.query("update log.record set appended_at_ms = appended_at_ms - $1", [4 * HOUR_MS]);
    await client.end();
    expect(await hours(), "1,000 bytes in four hours").to.equal(40);
    expect(await hours({ maxBytesPerPartition: 1_000_000 }), "the age comes first").to.equal(100);
  });

  it("is, embedded, a week, and 4 GiB", async () => {
    const { maxAgeMs, maxBytesPerPartition } = await log.retention(partition.topic);
    expect([maxAgeMs, maxBytesPerPartition]).to.deep.equal([7 * 24 * HOUR_MS, 4 * 2 ** 30]);
  });
});
