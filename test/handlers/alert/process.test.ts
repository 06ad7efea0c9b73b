import { expect } from "chai";
import pg from "pg";
import { deleteRule, putRule } from "../../../data/catalog/rule.ts";
import { acknowledgeAlert, getAlert, shelveAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { MAX_TRANSITIONS } from "../../../handlers/alert/evaluation.ts";
import { alertEngine, type AlertEngine, type AlertObserver } from "../../../handlers/alert/process.ts";
import { SHARED_READINGS } from "../../../model/topic-name.ts";
import { alertPlant, ruleOf, START_MS } from "../../support/alert-plant.ts";
import { eventually } from "../../support/eventually.ts";

describe("alert engine", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  let stop: AbortController;
  let running: Promise<unknown>[];
  const late: number[] = [];
  before(async () => {
    plant = await alertPlant();
    await plant.log.createTopic(SHARED_READINGS.topic, 1);
  });
  after(() => plant.close());
  beforeEach(() => {
    stop = new AbortController();
    running = [];
    late.length = 0;
    start();
  });
  afterEach(() => end());

  const countLate: AlertObserver = { onBatch: (batch) => void late.push(batch.late) };

  function start(observe = countLate): AlertEngine {
    const engine = alertEngine({ pool: plant.catalog.service, log: plant.log, observe });
    running.push(plant.log.consume(engine.subscription, stop.signal), engine.runTimers(stop.signal));
    return engine;
  }
  async function end(): Promise<void> {
    stop.abort();
    await Promise.all(running);
  }
  const second = (iso: string | null) => (iso === null ? null : (Date.parse(iso) - START_MS) / 1000);

  it("raises one alert for a lasting condition, and ends it behind limit and dead band", async () => {
    const acme = await plant.newTenant();
    await acme.rule({ deadBand: 2 });
    await acme.send([
      [1, 70],
      [2, 85.5],
      [3, 90],
      [4, 79],
      [5, 78.5],
      [6, 81],
      [7, 78],
      [8, 95],
    ]);
    await acme.caughtUp();
    const alerts = await eventually("the stamp behind the commit", async () => {
      const found = await acme.alerts();
      return found.every(({ times }) => times.committed !== null) && found;
    });
    expect(alerts.map((a) => [second(a.raisedAt), second(a.returnedAt), a.value, a.state])).to.deep.equal([
      [8, null, 95, "unacknowledged"],
      [2, 7, 85.5, "returned-unacknowledged"],
    ]);
    const { produced, appended, evaluated, committed, notified } = alerts[0]!.times;
    expect([produced, appended, evaluated, committed]).to.deep.equal(
      [produced, appended, evaluated, committed].toSorted((a, b) => a! - b!),
    );
    expect(notified).to.equal(null);
  });

  describe("where tenants share a topic", () => {
    const { topic } = SHARED_READINGS;

    it("rings for the tenant whose machine it is, also with others of that name", async () => {
      const [acme, zeta] = [await plant.newTenant(1, topic), await plant.newTenant(1, topic)];
      await acme.rule({ deadBand: 2 });
      await zeta.rule({ deadBand: 2 });
      await acme.send([[1, 90]]);
      await zeta.send([[2, 70]]);
      await acme.send([[3, 70]]);
      await zeta.send([[4, 95]]);
      const [theirs] = await eventually("the alert of the second", async () => {
        const alerts = await zeta.alerts();
        return alerts.length > 0 && alerts;
      });
      const [ours, ...others] = await acme.alerts();
      expect([ours?.value, second(ours?.returnedAt ?? null), others]).to.deep.equal([90, 3, []]);
      expect([theirs?.value, theirs?.returnedAt]).to.deep.equal([95, null]);
    });

    it("ends the delays of each when its machine sends no more", async () => {
      const both = [await plant.newTenant(1, topic), await plant.newTenant(1, topic)];
      for (const one of both) {
        await one.rule({ onDelayMs: 300 });
        await one.send([[1, 90]]);
      }
      for (const one of both)
        await eventually(`the alert of ${one.tenant}`, async () => (await one.alerts()).length === 1);
    });

    it("goes on where it was when all tenants have gone and others come", async () => {
      const former = await plant.newTenant(1, topic);
      await former.send([[1, 90]]);
      const positions = () =>
        plant.catalog.service.query<{ next_offset: bigint }>(
          "select next_offset from alert_position where topic = $1",
          [topic],
        );
      const { end } = await plant.log.bounds({ topic, partition: 0 });
      await former.caughtUp();
      await plant.catalog.service.query(
        "delete from tenant where tenant in (select tenant from topic where topic = $1)",
        [topic],
      );
      const next = await plant.newTenant(1, topic);
      const [position] = (await positions()).rows;
      expect(position?.next_offset).to.satisfy((offset: bigint) => offset >= end);
      await next.rule();
      await next.send([[2, 90]]);
      await eventually("the alert", async () => (await next.alerts()).length === 1);
    });
  });

  for (const [what, header] of [
    ["beyond any date", String(Number.MAX_SAFE_INTEGER)],
    ["a year from now", String(Date.now() + 365 * 86_400_000)],
    ["before there were machines", "1"],
  ] as const)
    it(`takes no time of production that lies ${what}, and goes on`, async () => {
      const acme = await plant.newTenant();
      await acme.rule();
      await acme.send([[1, 90]], { "produced-at": header });
      const [alert] = await eventually("the alert", async () => {
        const alerts = await acme.alerts();
        return alerts.length > 0 && alerts;
      });
      expect(alert?.times.produced).to.equal(null);
    });

  it("rings no more for what a client sent again, nor for another body under its batch id", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    const batch = { "batch-id": "b-1", part: "0", "content-hash": "h" };
    // Two sensors, one instant: by event time alone the retry is not late, and its hot value would rise anew.
    for (let sent = 0; sent < 3; sent++) {
      await acme.send(
        [
          [1, 90],
          [1, 60],
        ],
        batch,
      );
      await acme.caughtUp();
      if (sent > 0) continue;
      await end(); // a new process remembers as well
      stop = new AbortController();
      start();
    }
    await acme.send([[2, 95]], { ...batch, "content-hash": "another" });
    await acme.send([[3, 85]], { ...batch, "batch-id": "b-2" });
    await acme.caughtUp();
    const alerts = await acme.alerts();
    expect(alerts.map(({ raisedAt }) => second(raisedAt))).to.deep.equal([3, 1]);
  });

  it("takes an alert for committed when its commit is over, however long that takes", async () => {
    const commitMs = 150;
    const admin = new pg.Client(plant.admin);
    await admin.connect();
    // Deferred to the COMMIT: what a slow disk does there.
    await admin.query(`
      create function catalog.slow_commit() returns trigger language plpgsql as
        'begin perform pg_sleep(${commitMs / 1000}); return null; end';
      create constraint trigger slow_commit after insert on catalog.alert deferrable initially deferred
        for each row execute function catalog.slow_commit()`);
    try {
      const acme = await plant.newTenant();
      await acme.rule();
      await acme.send([[1, 99]]);
      const alert = await eventually("the stamp", async () => {
        const [found] = await acme.alerts();
        return found?.times.committed != null && found;
      });
      expect(alert.latencyMs.commit).to.be.at.least(commitMs);
    } finally {
      await admin.query("drop function catalog.slow_commit() cascade");
      await admin.end();
    }
  });

  it("counts what a rule waits for on purpose as no latency", async () => {
    const acme = await plant.newTenant();
    await acme.rule({ onDelayMs: 600_000 });
    const producedAt = Date.now();
    await acme.send([[0, 85]], { "produced-at": String(producedAt) });
    await acme.send([[601, 85]]);
    const [alert] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    expect(alert!.latencyMs.evaluate).to.be.within(0, Date.now() - producedAt);
  });

  it("is woken by no value that is bad or physically impossible", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.send([
      [1, 70],
      [2, 65_535],
      [3, 71],
    ]);
    await acme.caughtUp();
    expect(await acme.alerts()).to.deep.equal([]);
  });

  it("does not evaluate rows stored before the rule, nor imports", async () => {
    const acme = await plant.newTenant();
    await acme.send([[1, 99]]);
    await acme.caughtUp();
    await acme.rule();
    await acme.send([[2, 99]], { source: "import" });
    await acme.send([[3, 70]]);
    await acme.caughtUp();
    expect(await acme.alerts()).to.deep.equal([]);
  });

  it("starts from normal at the rule's first own record, even where it reads the older ones later", async () => {
    await end();
    const acme = await plant.newTenant();
    await acme.send([[1, 99, "old"]]);
    await acme.rule();
    await acme.send([[2, 99, "new"]]);
    stop = new AbortController();
    running = [];
    start();
    await acme.caughtUp();
    expect((await acme.alerts()).map(({ machineId }) => machineId)).to.deep.equal(["new"]);
  });

  it("lets late readings change nothing, and counts them", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.send([[10, 70]]);
    await acme.send([
      [5, 99],
      [9.999, 99],
      [10, 70],
    ]);
    await acme.caughtUp();
    expect(await acme.alerts()).to.deep.equal([]);
    expect(late.reduce((sum, n) => sum + n, 0)).to.equal(2);
  });

  it("is not muted by a machine whose clock runs far ahead", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    const ahead = (Date.now() - START_MS) / 1000 + 3_600;
    await acme.send([
      [ahead, 70],
      [1, 99],
    ]);
    await acme.caughtUp();
    expect(await acme.alerts()).to.have.length(1);
  });

  it("waits for the on-delay: a short peak raises nothing, a lasting one does", async () => {
    const acme = await plant.newTenant();
    await acme.rule({ onDelayMs: 10_000 });
    await acme.send([
      [0, 85],
      [5, 70],
      [20, 85],
      [25, 86],
      [30, 87],
      [31, 87],
    ]);
    await acme.caughtUp();
    expect((await acme.alerts()).map((a) => second(a.raisedAt))).to.deep.equal([30]);
  });

  it("ends a delay by the log's clock when the machine sends no more, once, with its caches right", async () => {
    const acme = await plant.newTenant();
    await acme.rule({ onDelayMs: 50, offDelayMs: 50 });
    await acme.send([[0, 85]]);
    const [raised] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    expect(second(raised!.raisedAt)).to.equal(0.05);
    await acme.send([[1, 70]]);
    await eventually("its end", async () => (await acme.alerts())[0]?.returnedAt != null);
    await acme.send([
      [2, 70],
      [3, 99],
      [4, 99],
    ]);
    await eventually("the second alert", async () => (await acme.alerts()).length === 2);
  });

  it("evaluates a changed rule from normal and ends its alerts; a new name changes nothing", async () => {
    const acme = await plant.newTenant();
    const { id } = await acme.rule();
    await acme.send([[1, 85]]);
    await eventually("the alert", async () => (await acme.alerts()).length === 1);
    const put = (body: ReturnType<typeof ruleOf>) =>
      inTenant(plant.catalog, acme.tenant, (tx) => putRule(tx, acme.tenant, id, body));
    await put(ruleOf({}, { name: "hotter" }));
    expect((await acme.alerts())[0]?.returnedAt).to.equal(null);
    await put(ruleOf({ limit: 84 }));
    expect((await acme.alerts())[0]?.returnedAt).not.to.equal(null);
    await acme.send([[2, 85]]);
    await eventually("a second alert", async () => (await acme.alerts()).length === 2);
    await inTenant(plant.catalog, acme.tenant, (tx) => deleteRule(tx, acme.tenant, id));
    expect((await acme.alerts()).filter(({ returnedAt }) => returnedAt === null)).to.deep.equal([]);
    await acme.send([[3, 99]]);
    await acme.caughtUp();
    expect(await acme.alerts()).to.have.length(2);
  });

  it("evaluates the rules' machines only", async () => {
    const acme = await plant.newTenant();
    await acme.rule({}, { machines: ["m-002"] });
    await acme.send([
      [1, 99, "m-001"],
      [1, 99, "m-002"],
      [1, 99, "m-003"],
    ]);
    await acme.caughtUp();
    expect((await acme.alerts()).map(({ machineId }) => machineId)).to.deep.equal(["m-002"]);
  });

  it("leaves what people did alone when the condition returns", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.send([[1, 99]]);
    const [alert] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    const inAcme = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(plant.catalog, acme.tenant, work);
    const untilMs = Date.now() + 60_000;
    await inAcme((tx) => shelveAlert(tx, acme.tenant, alert!.id, { by: "ann", untilMs }));
    await inAcme((tx) => acknowledgeAlert(tx, acme.tenant, alert!.id, { by: "bob" }));
    await acme.send([[2, 70]]);
    const after = await eventually("the return", async () => {
      const now = await inAcme((tx) => getAlert(tx, acme.tenant, alert!.id));
      return now.returnedAt !== null && now;
    });
    expect(after).to.deep.include({ state: "normal", acknowledgedBy: "bob", shelvedBy: "ann" });
  });

  describe("a flood", () => {
    const RULES = 40;
    const RECORDS = 60;
    /** A machine that flaps, each record sent under a batch id: `RULES` alerts with every second one. */
    async function flapping(sharedTopic?: string) {
      const acme = await plant.newTenant(1, sharedTopic);
      for (let rule = 0; rule < RULES; rule++) await acme.rule();
      const send = async () => {
        for (let n = 0; n < RECORDS; n++)
          await acme.send([[n, n % 2 === 0 ? 99 : 20]], {
            "batch-id": `b-${n}`,
            part: "0",
            "content-hash": "h",
          });
      };
      return { ...acme, send };
    }
    const expectWhole = async ({ alerts }: Pick<Awaited<ReturnType<typeof flapping>>, "alerts">) => {
      const found = await alerts({ limit: 10_000 });
      expect(found).to.have.length((RULES * RECORDS) / 2);
      expect(found.filter(({ returnedAt }) => returnedAt === null)).to.deep.equal([]);
    };

    it("is taken in small transactions, and its neighbours do not wait for its end", async () => {
      await end();
      const [acme, neighbour] = [await flapping(), await plant.newTenant()];
      await neighbour.rule();
      await acme.send();
      await neighbour.send([[1, 99]]);
      const sizes: number[] = [];
      const raised: string[] = [];
      stop = new AbortController();
      start({
        onBatch: (batch) => void sizes.push(batch.raised + batch.returned),
        onRaised: ({ tenant }) => void raised.push(tenant),
      });
      await Promise.all([acme.caughtUp(), neighbour.caughtUp()]);
      expect(Math.max(...sizes)).to.be.at.most(MAX_TRANSITIONS + RULES);
      expect(raised.indexOf(neighbour.tenant)).to.be.within(0, MAX_TRANSITIONS + RULES);
      await expectWhole(acme);
      await acme.send(); // a client's retry: what a cut left over was not taken for known, and all is known now
      await acme.caughtUp();
      await expectWhole(acme);
    });

    it("is cut for all who share the partition, and nobody's records are passed over", async () => {
      await end();
      const { topic } = SHARED_READINGS;
      const [acme, neighbour] = [await flapping(topic), await plant.newTenant(1, topic)];
      await neighbour.rule({ deadBand: 2 });
      await Promise.all([acme.send(), neighbour.send([[1, 99]])]);
      await neighbour.send([[2, 20]]);
      await neighbour.send([[3, 98]]);
      stop = new AbortController();
      start();
      await neighbour.caughtUp();
      await expectWhole(acme);
      expect((await neighbour.alerts()).map(({ value }) => value)).to.deep.equal([98, 99]);
    });

    it("goes on where it was cut, in a process that knows nothing of it", async () => {
      await end();
      const acme = await flapping();
      await acme.send();
      const transitions = RULES * RECORDS;
      for (let taken = 0; taken < transitions;) {
        const sizes: number[] = [];
        stop = new AbortController();
        running = [];
        const onBatch: AlertObserver["onBatch"] = ({ raised, returned }) => {
          sizes.push(raised + returned);
          stop.abort();
        };
        start({ onBatch });
        await Promise.all(running);
        expect(sizes).to.have.length(1);
        taken += sizes[0]!;
      }
      await expectWhole(acme);
    });
  });

  it("gives one result when two engines follow the same partitions", async () => {
    start();
    const acme = await plant.newTenant(2);
    await acme.rule();
    // machine 1 in partition 0, machine 2 in partition 1, each hot and cold in turn
    for (let n = 0; n < 40; n++) await acme.send([[n, n % 4 < 2 ? 99 : 70, `m-${n % 2}`]], {}, n % 2);
    await acme.caughtUp();
    const alerts = await acme.alerts();
    expect(alerts).to.have.length(20);
    expect(alerts.filter(({ returnedAt }) => returnedAt === null)).to.deep.equal([]);
  });
});
