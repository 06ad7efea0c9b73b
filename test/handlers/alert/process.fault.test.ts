import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { alertPlant, START_MS, type Sample } from "../../support/alert-plant.ts";
import type { AlertHostStart } from "../../support/alert-host.ts";
import { eventually } from "../../support/eventually.ts";
import { LOG_PASSWORD } from "../../support/log.ts";
import { randomFrom, seed } from "../../support/seed.ts";
import { webhookReceiver } from "../../support/webhook-receiver.ts";

const KILLS = 8;
const MACHINES = 5;
/** Of one condition: what waits after a kill brings more transitions than a transaction carries. */
const RULES = 3;

/** What should have been raised, in plain words: shares no code with the engine. */
function expectedAlerts(sent: readonly Sample[]): string[] {
  const machines = new Map<string, { newest: number; isRaised: boolean }>();
  const raised: string[] = [];
  for (const [seconds, value, machineId = ""] of sent) {
    const machine = machines.get(machineId) ?? { newest: -1, isRaised: false };
    machines.set(machineId, machine);
    if (seconds < machine.newest) continue;
    machine.newest = seconds;
    if (!machine.isRaised && value > 80) {
      machine.isRaised = true;
      raised.push(`${machineId} ${seconds}`);
    } else if (value <= 78) {
      machine.isRaised = false;
    }
  }
  return raised.toSorted();
}

describe(`alert engine and dispatcher under kill -9 (seed ${seed})`, () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  let host: ChildProcess | undefined;
  before(async () => (plant = await alertPlant()));
  after(async () => {
    host?.kill("SIGKILL");
    await plant.close();
  });

  async function startHost(): Promise<void> {
    host = fork(new URL("../../support/alert-host.ts", import.meta.url), {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    host.send({
      admin: plant.admin,
      passwords: plant.passwords,
      kafkaBrokers: plant.kafkaBrokers,
      logPassword: LOG_PASSWORD,
    } satisfies AlertHostStart);
    await once(host, "message");
  }
  async function killHost(): Promise<void> {
    const gone = host === undefined ? undefined : once(host, "exit");
    host?.kill("SIGKILL");
    await gone;
  }

  it("raises and notifies every alert once, whenever it is killed", async () => {
    const random = randomFrom(seed);
    const receiver = await webhookReceiver(() => (random() < 0.2 ? 503 : 200));
    const acme = await plant.newTenant(2);
    for (let rule = 0; rule < RULES; rule++) await acme.rule({ deadBand: 2 });
    await acme.channel(receiver.url());

    const sent: Sample[] = [];
    const plan = { isSending: true };
    const sending = (async () => {
      for (let second = 0; plan.isSending; second++) {
        const samples = Array.from({ length: 4 }, (_, n): Sample => {
          const machine = 2 * Math.floor(random() * MACHINES) + (n % 2);
          const late = random() < 0.1 ? 7 : 0;
          return [Math.max(0, second - late), Math.round(60 + random() * 40), `m-${machine}`];
        });
        for (const partition of [0, 1]) {
          const own = samples.filter((_, n) => n % 2 === partition);
          await acme.send(own, {}, partition);
          sent.push(...own);
        }
        await sleep(10);
      }
    })();
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        await startHost();
        await sleep(random() * 300); // the moment of the kill is the random part; nothing waits for it
        await killHost();
      }
    } finally {
      plan.isSending = false;
      await sending;
    }
    await startHost();

    await acme.caughtUp();
    const { rows } = await plant.catalog.service.query<{
      machine_id: string;
      raised_at: Date;
      alert: string;
    }>("select machine_id, raised_at, alert from alert where tenant = $1", [acme.tenant]);
    const raised = rows.map((row) => `${row.machine_id} ${(row.raised_at.getTime() - START_MS) / 1000}`);
    const expected = expectedAlerts(sent).flatMap((line) => Array.from({ length: RULES }, () => line));
    expect(raised.toSorted()).to.deep.equal(expected);
    expect(raised.length).to.be.greaterThan(20 * RULES);

    // Leases of the killed, and the pauses after many a 503, are aged instead of waited for. A row that is aged while
    // it is being sent goes out twice under one id, which is allowed.
    await eventually("everything delivered", async () => {
      const { rowCount } = await plant.catalog.service.query(
        "update delivery set due_at = least(due_at, now() + interval '1 s') where delivered_at is null",
      );
      return rowCount === 0;
    });
    const ids = new Map(receiver.received.map(({ json }) => [String(json["alertId"]), new Set<unknown>()]));
    for (const { json } of receiver.received) ids.get(String(json["alertId"]))?.add(json["id"]);
    expect([...ids.keys()].toSorted()).to.deep.equal(rows.map(({ alert }) => alert).toSorted());
    expect([...ids.values()].filter(({ size }) => size !== 1)).to.deep.equal([]);
    await receiver.close();
  });
});
