import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { DataPlane, PARTITIONS } from "../../support/data-plane/plane.ts";
import { faultRun } from "../../support/data-plane/run.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";
import { eventually } from "../../support/eventually.ts";
import { isFullRun } from "../../support/faults.ts";
import { seed } from "../../support/seed.ts";

const CELL_AWAY_MS = isFullRun ? 60_000 : 4_000;
const LOG_AWAY_MS = isFullRun ? 20_000 : 2_000;
/** An answer that takes longer than this helps no client. */
const ANSWER_LIMIT_MS = 30_000;

describe(`a database is away under load (seed ${seed})`, function () {
  this.timeout(10 * 60_000);
  let plane: DataPlane;
  before(async () => (plane = await DataPlane.start()));
  after(() => plane.close());

  it(`loses nothing, dead-letters nothing and catches up by itself after ${CELL_AWAY_MS / 1000} s without the cell`, async () => {
    const outage = { kind: "cell restarted", atMs: 200, lastsMs: CELL_AWAY_MS } as const;
    const { findings, recordCount } = await faultRun(plane, seed, [outage]);
    expect(findings).to.deep.equal([]); // of dead letters, too, there are those of poison only
    expect(recordCount).to.be.greaterThan(100);
  });

  it(`answers 503, to be tried again, while the log is away, and keeps whatever it acknowledged`, async () => {
    const log = plane.openLog();
    const api = await TestApi.start({ log });
    const tenant = await api.tenant("outage");
    const topic = `${tenant}.readings.g1`;
    await log.createTopic(topic, PARTITIONS);
    const token = await api.key("machine", tenant);

    const stop = new AbortController();
    const answers: number[] = [];
    let acknowledgedCount = 0;
    const post = async () => {
      const ts = new Date(NOW_MS + acknowledgedCount).toISOString();
      const values = { cycle_count: acknowledgedCount };
      const readings = [{ type: "machine", machineId: `m-${acknowledgedCount % 3}`, ts, values }];
      const body = { batchId: `b-${acknowledgedCount}`, readings };
      const startedAt = performance.now();
      const answer = await api.call("POST", "/v1/data", body, { token });
      expect(performance.now() - startedAt).to.be.lessThan(ANSWER_LIMIT_MS);
      answers.push(answer.status);
      if (answer.status === 202) acknowledgedCount += 1;
      else expect([answer.status, answer.body.retryable]).to.deep.equal([503, true]);
    };
    const writing = (async () => {
      while (!stop.signal.aborted) {
        await post();
        await delay(5);
      }
    })();
    const more = (what: string, count: number) => {
      const until = acknowledgedCount + count;
      return Promise.race([writing, eventually(what, () => acknowledgedCount >= until, 60_000)]);
    };
    try {
      await more("readings are taken", 20);
      await plane.catalogServer.stop();
      await Promise.race([writing, delay(LOG_AWAY_MS)]);
      await eventually("a refusal", () => answers.includes(503), ANSWER_LIMIT_MS);
      await plane.catalogServer.up();
      await more("readings are taken again", 20);
    } finally {
      stop.abort();
      await writing;
    }

    const entries = await plane.logEntries({ topic, starts: [] });
    const kept = new Set(entries.map(({ headers }) => headers["batch-id"]));
    const acknowledged = Array.from({ length: acknowledgedCount }, (_, number) => `b-${number}`);
    const lost = acknowledged.filter((id) => !kept.has(id));
    expect(lost).to.deep.equal([]);
    await log.close();
    await api.close();
  });
});
