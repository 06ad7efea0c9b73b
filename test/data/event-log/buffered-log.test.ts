import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bufferLog, type BufferedLog } from "../../../data/event-log/buffered-log.ts";
import {
  openEmbeddedLog,
  prepareEmbeddedLog,
  type EmbeddedLog,
} from "../../../data/event-log/embedded-log.ts";
import type { LogRecord } from "../../../data/event-log/event-log.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import {
  createCluster,
  removeCluster,
  startCluster,
  stopCluster,
} from "../../../data/postgres-cluster/cluster.ts";
import { hasCode } from "../../../model/errors.ts";
import type { BufferProcessStart } from "../../support/buffer-process.ts";
import { eventually } from "../../support/eventually.ts";
import { LOG_PASSWORD } from "../../support/log.ts";
import { randomFrom, seed } from "../../support/seed.ts";

const CHILD = fileURLToPath(new URL("../../support/buffer-process.ts", import.meta.url));

describe(`a log with a buffer on disk (seed ${seed})`, function () {
  this.timeout(180_000);
  let cluster: string;
  let admin: DatabaseAddress;
  let log: EmbeddedLog;
  let folder: string;
  let topics = 0;
  let topic: string;
  const opened: BufferedLog[] = [];
  before(async () => {
    cluster = path.join(await mkdtemp(path.join(tmpdir(), "millwright-buffer-")), "cluster");
    await createCluster(cluster, { settings: { shared_buffers: "'16MB'" } });
    const address = await startCluster(cluster);
    admin = { ...address, database: "postgres" };
    await prepareEmbeddedLog(admin, LOG_PASSWORD);
    log = openEmbeddedLog(admin, LOG_PASSWORD, "test");
  });
  after(async () => {
    await log.close();
    await removeCluster(cluster);
    await rm(path.dirname(cluster), { recursive: true, force: true });
  });
  beforeEach(async () => {
    topic = `acme.readings.g${++topics}`;
    await log.createTopic(topic, 1);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-spool-"));
  });
  afterEach(async () => {
    await startCluster(cluster);
    for (const buffered of opened.splice(0)) await buffered.close();
    await rm(folder, { recursive: true, force: true });
  });

  const openBuffer = async (maxBytes = 1 << 30, onDropped: () => void = () => undefined) => {
    const buffered = await bufferLog(log, { folder, maxBytes, onDropped });
    opened.push(buffered);
    return buffered;
  };
  const record = (number: number, headers: Record<string, string> = {}) => ({
    ...{ topic, partition: 0, headers, value: Buffer.from(String(number)) },
  });
  const isFlushed = async () => (await stat(path.join(folder, "intake.spool"))).size === 0;

  /** The numbers in the log, as ingest would take them: what came before under the same batch id and part adds nothing. */
  async function numbers(): Promise<number[]> {
    const { end } = await log.bounds({ topic, partition: 0 });
    const records = new Map<bigint, LogRecord>();
    const done = new AbortController();
    if (end === 0n) return [];
    await log.consume(
      {
        group: topic,
        topics: () => Promise.resolve([topic]),
        position: () => Promise.resolve(0n),
        handle: (batch) => {
          for (const one of batch) records.set(one.offset, one);
          if (records.has(end - 1n)) done.abort();
          return Promise.resolve([]);
        },
        outOfRange: () => undefined,
      },
      done.signal,
    );
    const seen = new Set<string>();
    const sorted = [...records.values()].sort((a, b) => Number(a.offset - b.offset));
    return sorted.flatMap(({ headers, value }) => {
      const name = `${headers["batch-id"]} ${headers["part"]}`;
      if (seen.has(name)) return [];
      seen.add(name);
      return [Number(value.toString())];
    });
  }

  it("is the log itself while that is there", async () => {
    const buffered = await openBuffer();
    await buffered.append([record(1), record(2, { "batch-id": "b-1", part: "0" })]);
    expect(await numbers()).to.deep.equal([1, 2]);
    expect(buffered.waitingBytes()).to.equal(0);
  });

  it("keeps what comes while the log's server is stopped, and brings it there in order when it is back", async () => {
    const buffered = await openBuffer();
    await buffered.append([record(0)]);
    await stopCluster(cluster, "immediate");
    for (let number = 1; number <= 200; number++) await buffered.append([record(number)]);
    expect(buffered.waitingBytes()).to.be.greaterThan(0);
    await startCluster(cluster);
    // Those that come meanwhile queue up behind.
    for (let number = 201; number <= 300; number++) await buffered.append([record(number)]);
    await eventually("all is in the log", isFlushed);
    expect(await numbers()).to.deep.equal(Array.from({ length: 301 }, (_, i) => i));
  });

  it("refuses what its room does not hold, and keeps what it has promised", async () => {
    const buffered = await openBuffer(3_000);
    await stopCluster(cluster, "immediate");
    const kept: number[] = [];
    const refusals: unknown[] = [];
    for (let number = 0; number < 50; number++)
      await buffered.append([record(number)]).then(
        () => kept.push(number),
        (error: unknown) => refusals.push(error),
      );
    expect(kept.length).to.be.within(1, 49);
    for (const refusal of refusals) expect(hasCode(refusal, "log-unavailable")).to.equal(true);
    await startCluster(cluster);
    await eventually("all is in the log", isFlushed);
    expect(await numbers()).to.deep.equal(kept);
    await buffered.append([record(99)]);
    expect((await numbers()).at(-1)).to.equal(99);
  });

  it("drops what waited for a tenant that was deleted, and brings the rest", async () => {
    let dropped = 0;
    const buffered = await openBuffer(1 << 30, () => (dropped += 1));
    await stopCluster(cluster, "immediate");
    await buffered.append([record(1)]);
    await buffered.append([{ ...record(2), topic: "gone.readings.g1" }]);
    await buffered.append([record(3)]);
    await startCluster(cluster);
    await eventually("all is in the log", isFlushed);
    expect([await numbers(), dropped]).to.deep.equal([[1, 3], 1]);
  });

  it("passes on every other refusal of the log", async () => {
    const buffered = await openBuffer();
    const refusal = buffered.append([{ ...record(1), topic: "gone.readings.g1" }]);
    expect(hasCode(await refusal.catch((error: unknown) => error), "topic-unknown")).to.equal(true);
    expect(buffered.waitingBytes()).to.equal(0);
  });

  it("reads past no line that a crash has cut", async () => {
    await stopCluster(cluster, "immediate");
    const before = await openBuffer();
    await before.append([record(1)]);
    await before.close();
    opened.pop();
    await appendFile(path.join(folder, "intake.spool"), '00000000 [{"topic":"acme.readings.g1"');
    const after = await openBuffer();
    await after.append([record(2)]);
    await startCluster(cluster);
    await eventually("all is in the log", isFlushed);
    expect(await numbers()).to.deep.equal([1, 2]);
  });

  it("loses and doubles nothing when its process is killed, again and again, with and without a log", async () => {
    const random = randomFrom(seed);
    const kept: number[] = [];
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 0) await stopCluster(cluster, "immediate");
      const child = fork(CHILD, [], { execArgv: [] });
      child.on("message", (number: number) => kept.push(number));
      const start: BufferProcessStart = { admin, folder, topic, first: (kept.at(-1) ?? 0) + 1_000 };
      const had = kept.length;
      child.send(start);
      await eventually("it keeps what it is given", () => kept.length > had + 20);
      if (round % 2 === 0) await startCluster(cluster);
      await delay(random() * 200); // the moment of the kill
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
    const last = await openBuffer();
    await eventually("all is in the log", () => last.waitingBytes() === 0 && isFlushed());
    const inLog = await numbers();
    expect(new Set(inLog).size, "doubled").to.equal(inLog.length);
    expect(inLog).to.deep.equal(inLog.toSorted((a, b) => a - b));
    const there = new Set(inLog);
    expect(kept.filter((number) => !there.has(number))).to.deep.equal([]);
  });
});
