import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { faultRounds } from "../support/faults.ts";
import { TestPlatform } from "../support/platform.ts";
import { randomFrom, seed } from "../support/seed.ts";
import { webhookReceiver } from "../support/webhook-receiver.ts";

const KILLS = faultRounds === 1 ? 4 : 50;
const MACHINES = ["m-001", "m-002", "m-003"];
const SECRET = "webhook-secret-of-the-test";

/** One machine's readings: a wave that goes over the limit and comes back, so the alerts to expect can be counted. */
function reading(machineId: string, index: number, startMs: number) {
  const isHot = index % 20 >= 15;
  const ts = new Date(startMs + index * 10).toISOString();
  return { type: "machine", machineId, ts, values: { temperature_c: isHot ? 95 : 60, cycle_count: index } };
}

describe(`the handler host is killed during ingestion (seed ${seed})`, function () {
  this.timeout(60 * 60_000);
  let platform: TestPlatform;
  before(async () => {
    // so many alerts are a flood; each is to be counted here
    platform = await (await TestPlatform.inNewHome()).start({ MILLWRIGHT_FLOOD_ALERTS: "1000000" });
    await platform.tenant("acme");
  });
  after(() => platform.remove());

  it(`stores each acknowledged reading once and raises each alert once, over ${KILLS} kills`, async () => {
    const random = randomFrom(seed);
    const receiver = await webhookReceiver();
    const machineKey = await platform.key("acme", "machine");
    await platform.call("POST", "/v1/channels?tenant=acme", {
      kind: "webhook",
      url: receiver.url(),
      secret: SECRET,
      minSeverity: "low",
    });
    const condition = { kind: "threshold", op: ">", limit: 80, deadBand: 2, onDelayMs: 0, offDelayMs: 0 };
    const rule = {
      id: "hot",
      name: "Hot",
      type: "machine",
      metric: "temperature_c",
      condition,
      severity: "high",
    };
    expect((await platform.call("POST", "/v1/rules?tenant=acme", rule)).status).to.equal(201);

    const startMs = Date.now() - 3_600_000;
    const sentCount = new Map<string, number>(MACHINES.map((machine) => [machine, 0]));
    const writing = new AbortController();
    const writers = MACHINES.map(async (machineId) => {
      while (!writing.signal.aborted) {
        const next = sentCount.get(machineId)!;
        const count = 1 + Math.floor(random() * 30);
        const readings = Array.from({ length: count }, (_, i) => reading(machineId, next + i, startMs));
        const { status, body } = await platform.call("POST", "/v1/data", { readings }, { token: machineKey });
        if (status === 429) {
          await new Promise((resolve) => setTimeout(resolve, 100)); // the key's limit: faster than that is not meant
          continue;
        }
        expect(status, JSON.stringify(body)).to.equal(202);
        sentCount.set(machineId, next + count);
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await new Promise((resolve) => setTimeout(resolve, random() * 700)); // the moment of the kill is the fault
      const { host } = await platform.running();
      process.kill(host!.pid, "SIGKILL");
      await eventually("another host runs", async () => (await platform.running()).host?.pid !== host!.pid);
    }
    writing.abort();
    await Promise.all(writers);

    const expected = MACHINES.flatMap((machineId) =>
      Array.from(
        { length: sentCount.get(machineId)! },
        (_, i) => `${machineId} ${reading(machineId, i, startMs).ts}`,
      ),
    ).sort();
    const stored = await eventually(
      "all readings are stored",
      async () => {
        const rows = await allRows(platform);
        return rows.length >= expected.length ? rows : undefined;
      },
      60_000,
    );
    expect(stored.sort()).to.deep.equal(expected);

    // Each wave of 20 crosses the limit once, at its 16th reading.
    const expectedAlerts = MACHINES.map((machine) => Math.floor((sentCount.get(machine)! + 4) / 20)).reduce(
      (a, b) => a + b,
    );
    await eventually(
      "every alert is delivered",
      () => new Set(receiver.received.map(({ json }) => json["alertId"])).size >= expectedAlerts,
      300_000, // a full run leaves tens of thousands, and what the killed ones held waits for their leases
    );
    const raised = receiver.received.filter(({ json }) => json["event"] === "alert.raised");
    expect(new Set(raised.map(({ json }) => json["alertId"])).size).to.equal(expectedAlerts);
    // At least once: a second delivery of an alert carries the first one's id.
    expect(new Set(raised.map(({ json }) => json["id"])).size).to.equal(expectedAlerts);
    await receiver.close();
  });
});

async function allRows(platform: TestPlatform): Promise<string[]> {
  const rows: string[] = [];
  let cursor = "";
  do {
    const { body } = await platform.call("GET", `/v1/data/machine?tenant=acme&limit=10000${cursor}`);
    for (const row of body.rows) rows.push(`${row.machineId as string} ${row.time as string}`);
    cursor = body.nextCursor ? `&cursor=${encodeURIComponent(body.nextCursor)}` : "";
  } while (cursor !== "");
  return rows;
}
