import { expect } from "chai";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import { faultRounds, isFullRun } from "../support/faults.ts";
import { TestPlatform } from "../support/platform.ts";
import { randomFrom, seed } from "../support/seed.ts";

const CLUSTERS = ["catalog", "cells/shared-1"] as const;
const KILLS_PER_CLUSTER = Math.ceil(faultRounds / 4);
/** Long enough that every time-out of a connection runs out; a sample stops short of the longest. */
const FREEZE_MS = isFullRun ? 20_000 : 4_000;
/** A client that gives up earlier would only hide what the service does. */
const CALL_LIMIT_MS = 60_000;

describe(`a database is killed or freezes under load (seed ${seed})`, function () {
  this.timeout(30 * 60_000);
  const random = randomFrom(seed);
  let platform: TestPlatform;
  let machineKey: string;
  /** Readings sent so far: each is one batch, and its number is its `cycle_count`. */
  let sentCount = 0;
  const refusals: unknown[] = [];
  const writing = new AbortController();
  let writer: Promise<void>;

  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    await platform.tenant("acme");
    machineKey = await platform.key("acme", "machine");
    writer = write();
  });
  after(async () => {
    writing.abort();
    await writer.catch(() => undefined);
    await platform.remove();
  });

  /** Sends one reading after the other, each again under its batch id until it is taken. */
  async function write(): Promise<void> {
    const startMs = Date.now() - 3_600_000;
    for (; !writing.signal.aborted; sentCount++) {
      const reading = {
        type: "machine",
        machineId: "m-001",
        ts: new Date(startMs + sentCount).toISOString(),
        values: { cycle_count: sentCount },
      };
      const body = { batchId: `batch-${sentCount}`, readings: [reading] };
      for (;;) {
        const { status, body: answer } = await answerOf("POST", "/v1/data", body, machineKey);
        if (status === 202) break;
        expect(answer, JSON.stringify(answer)).to.include({ retryable: true });
        expect(status).to.be.oneOf([503, 507]);
        refusals.push(answer);
        await delay(20);
      }
    }
  }

  const answerOf = (method: string, route: string, body?: unknown, token?: string) =>
    Promise.race([
      platform.call(method, route, body, token === undefined ? {} : { token }),
      delay(CALL_LIMIT_MS, undefined, { ref: false }).then(() => {
        throw new Error(`${method} ${route}: no answer`);
      }),
    ]);

  const postmaster = async (cluster: string) =>
    Number((await readFile(path.join(platform.home, cluster, "postmaster.pid"), "utf8")).split("\n")[0]);

  /** Every reading of which a 202 came, and no other twice. */
  async function storesWhatItTook(): Promise<void> {
    const until = sentCount;
    const stored = await eventually(
      `${until} readings are stored`,
      async () => {
        const counts = await storedCounts();
        return new Set(counts).size >= until ? counts : undefined;
      },
      60_000,
    );
    const unique = new Set(stored);
    expect(unique.size).to.equal(stored.length);
    for (let count = 0; count < until; count++) expect(unique.has(count), `reading ${count}`).to.equal(true);
  }

  async function storedCounts(): Promise<number[]> {
    const counts: number[] = [];
    let cursor = "";
    do {
      const route = `/v1/data/machine?tenant=acme&limit=10000${cursor}`;
      const { status, body } = await answerOf("GET", route);
      expect(status, JSON.stringify(body)).to.equal(200);
      for (const row of body.rows) counts.push(row.cycle_count);
      cursor = body.nextCursor ? `&cursor=${encodeURIComponent(body.nextCursor)}` : "";
    } while (cursor !== "");
    return counts;
  }

  for (const cluster of CLUSTERS) {
    it(`loses and doubles nothing when ${cluster} is killed (${KILLS_PER_CLUSTER} ×), and goes on by itself`, async () => {
      const { service } = await platform.running();
      for (let kill = 0; kill < KILLS_PER_CLUSTER; kill++) {
        await delay(random() * 500); // the moment of the kill is the fault
        const pid = await postmaster(cluster);
        if (isFullRun) console.error(`${cluster}: kill ${kill}`);
        process.kill(pid, "SIGKILL");
        expect((await answerOf("GET", "/healthz")).status).to.equal(200);
        await eventually("another server runs", async () => (await postmaster(cluster)) !== pid);
        const before = sentCount;
        await eventually("readings are taken", () => sentCount > before);
      }
      await storesWhatItTook();
      await eventually("all is well", async () => (await answerOf("GET", "/readyz")).status === 200);
      expect((await platform.running()).service).to.deep.equal(service);
    });

    it(`waits for ${cluster} while it is frozen, and goes on by itself`, async () => {
      const pid = await postmaster(cluster);
      process.kill(pid, "SIGSTOP");
      try {
        const until = performance.now() + FREEZE_MS;
        while (performance.now() < until) {
          expect((await answerOf("GET", "/healthz")).status).to.equal(200);
          await delay(100);
        }
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await storesWhatItTook();
      await eventually("all is well", async () => (await answerOf("GET", "/readyz")).status === 200);
    });
  }

  it("makes a tenant although the catalog is killed in the middle", async () => {
    const { body } = await answerOf("POST", "/v1/tenants", {
      id: "late",
      name: "Late",
      tier: "shared",
      machines: 1,
    });
    for (const step of ["preview", "up"]) {
      await eventually(`step ${step}`, async () => {
        const { operation } = (await answerOf("GET", `/v1/operations/${body.operation.id}`)).body;
        return operation.steps.find(({ name }: { name: string }) => name === step).status !== "pending";
      });
      process.kill(await postmaster("catalog"), "SIGKILL");
    }
    const operation = await eventually(
      "the operation ends",
      async () => {
        const { body: answer } = await answerOf("GET", `/v1/operations/${body.operation.id}`);
        return ["succeeded", "failed", "cancelled"].includes(answer.operation?.status) && answer.operation;
      },
      120_000,
    );
    expect(operation.status, JSON.stringify(operation.error)).to.equal("succeeded");
  });

  it("answered what it refused with problems that a client can retry", () => {
    expect(refusals).to.not.deep.equal([]);
  });
});
