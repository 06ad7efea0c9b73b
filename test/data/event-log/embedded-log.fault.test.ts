import { expect } from "chai";
import pg from "pg";
import type { EmbeddedLog } from "../../../data/event-log/embedded-log.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";
import { testEmbeddedLog } from "../../support/log.ts";
import { randomFrom, seed } from "../../support/seed.ts";
import { collector, recordOf, textOf } from "./contract.ts";

const TOPIC = "acme.readings.g1";

describe(`embedded log under broken connections (seed ${seed})`, () => {
  let log: EmbeddedLog;
  let other: EmbeddedLog; // a second appending process, as it were
  let admin: DatabaseAddress;
  before(async () => {
    ({ log, admin } = await testEmbeddedLog());
    ({ log: other } = await testEmbeddedLog(admin));
  });
  after(() => Promise.all([log.close(), other.close()]));
  const consume = testConsumers();

  it("keeps what it acknowledged, with dense offsets, and lets no consumer skip a record", async () => {
    const random = randomFrom(seed);
    await log.createTopic(TOPIC, 2);
    const seen = collector(() => [TOPIC]);
    consume(log, seen.subscription);
    const assassin = new pg.Client(admin);
    await assassin.connect();

    const acknowledged = new Set<string>();
    const unknown = new Set<string>();
    const writing = { isDone: false };
    const killing = (async () => {
      while (!writing.isDone) {
        await assassin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where usename = 'millwright_log' and state <> 'idle' and datname = $1 order by random() limit 1`,
          [admin.database],
        );
        await new Promise((resolve) => setTimeout(resolve, 5 + random() * 15));
      }
    })();
    await Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; n < 60; n++) {
          const value = `${writer}:${n}`;
          const append = (writer % 2 === 0 ? log : other).append([recordOf(TOPIC, value, n % 2)]);
          await append.then(
            () => acknowledged.add(value),
            (error: unknown) => {
              expect(error).to.deep.include({ code: "log-unavailable", retryable: true });
              unknown.add(value);
            },
          );
        }
      }),
    );
    writing.isDone = true;
    await killing;
    await assassin.end();

    const bounds = await eventually("the log answers", () =>
      Promise.all([0, 1].map((partition) => log.bounds({ topic: TOPIC, partition }))),
    );
    const total = Number(bounds.reduce((sum, { end }) => sum + end, 0n));
    await eventually("all records read", () => seen.records.length === total);
    for (const partition of [0, 1]) {
      const offsets = seen.records
        .filter((record) => record.partition === partition)
        .map(({ offset }) => offset);
      expect(offsets).to.deep.equal(offsets.map((_, n) => BigInt(n)));
    }
    const read = seen.records.map(textOf);
    expect(new Set(read).size).to.equal(read.length);
    for (const value of acknowledged) expect(read).to.include(value);
    for (const value of read) expect(acknowledged.has(value) || unknown.has(value)).to.equal(true);
    expect(unknown.size).to.be.greaterThan(0); // the faults did hit appends
  });
});
