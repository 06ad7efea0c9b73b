import { expect } from "chai";
import { acknowledgeAlert, getAlert, type Alert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { getIncident, listIncidents } from "../../../data/catalog/incident.ts";
import {
  putMachineBack,
  putRuleBack,
  takeMachineOut,
  takeRuleOut,
} from "../../../data/catalog/out-of-service.ts";
import { duePartitions } from "../../../data/catalog/rule-state.ts";
import { deleteRule } from "../../../data/catalog/rule.ts";
import type { EventLog, Horizon } from "../../../data/event-log/event-log.ts";
import { alertEngine } from "../../../handlers/alert/process.ts";
import { alertPlant, START_MS } from "../../support/alert-plant.ts";
import { eventually } from "../../support/eventually.ts";

type Plant = Awaited<ReturnType<typeof alertPlant>>;
type Tenant = Awaited<ReturnType<Plant["newTenant"]>>;

describe("alert engine: kinds of rules and of silence", () => {
  let plant: Plant;
  let stop: AbortController;
  let running: Promise<unknown>[];
  before(async () => (plant = await alertPlant()));
  after(() => plant.close());
  beforeEach(() => start());
  afterEach(() => end());

  function start({ log = plant.log }: { log?: Pick<EventLog, "horizon"> } = {}): void {
    stop = new AbortController();
    const flood = { alertCount: 3, windowMs: 600_000 };
    const engine = alertEngine({ pool: plant.catalog.service, log, flood });
    running = [plant.log.consume(engine.subscription, stop.signal), engine.runTimers(stop.signal)];
  }
  async function end(): Promise<void> {
    stop.abort();
    await Promise.all(running);
  }
  const second = (iso: string | null) => (iso === null ? null : (Date.parse(iso) - START_MS) / 1000);
  const briefly = ({ machineId, value, raisedAt, returnedAt }: Alert) => [
    machineId,
    value,
    second(raisedAt),
    second(returnedAt),
  ];
  const deliveries = async (tenant: Tenant) => {
    const { rows } = await plant.catalog.service.query<{ alert: string; event: string }>(
      "select alert, event from delivery where tenant = $1 order by created_at, alert",
      [tenant.tenant],
    );
    return rows;
  };
  /** A log whose partition goes on behind what the engine has seen: the engine is behind. */
  const behind = (isBehind: () => boolean): Pick<EventLog, "horizon"> => ({
    // while it is behind the log is not asked: a horizon of Kafka is a record, and reading that is having caught up
    horizon: (partition): Promise<Horizon> =>
      isBehind() ? Promise.resolve({ end: 2n ** 39n, atMs: Date.now() }) : plant.log.horizon(partition),
  });

  it("raises a state that lasts, and ends it with another state", async () => {
    const acme = await plant.newTenant();
    await acme.ruleOf({
      metric: "state",
      condition: { kind: "state", equals: "offline", onDelayMs: 900_000 },
    });
    const states = ["running", "offline", "running", "offline", "offline", "offline", "idle"];
    for (const [n, state] of states.entries()) await acme.report(n * 600, { state });
    await acme.caughtUp();
    expect((await acme.alerts()).map(briefly)).to.deep.equal([["m-001", "offline", 1_800 + 900, 3_600]]);
  });

  it("raises a rate over its window, and takes a counter that runs backwards for a reset", async () => {
    const acme = await plant.newTenant();
    const rate = { kind: "rate", windowMs: 60_000 };
    await acme.ruleOf({ id: "heats", metric: "temperature_c", condition: { ...rate, op: ">", limit: 5 } });
    await acme.ruleOf({ id: "stalls", metric: "cycle_count", condition: { ...rate, op: "<", limit: 10 } });
    const readings = [
      ...[
        [60, 100],
        [61, 120],
        [69, 140],
      ], // 8 in a minute
      ...[
        [69, 5],
        [69, 25],
        [69, 26],
      ], // the counter was reset, then hardly moves
    ] as const;
    for (const [n, [temperature_c, cycle_count]] of readings.entries())
      await acme.report(n * 60, { temperature_c, cycle_count });
    await acme.caughtUp();
    const alerts = (await acme.alerts()).map((alert) => [alert.rule, ...briefly(alert)]);
    expect(alerts).to.deep.equal([
      ["stalls", "m-001", 1, 300, null],
      ["heats", "m-001", 8, 120, 180],
    ]);
  });

  it("evaluates an expression over the latest values, also after a restart", async () => {
    const acme = await plant.newTenant();
    const expression = "temperature_c > 80 && (state == 'idle' || power_watts / 2 < 50)";
    await acme.ruleOf({ condition: { kind: "expression", expression } });
    await acme.report(1, { temperature_c: 85 });
    await acme.caughtUp();
    expect(await acme.alerts()).to.deep.equal([]); // nothing is known of the rest
    await end();
    start();
    await acme.report(2, { power_watts: 99 });
    await acme.report(3, { state: "running" });
    await acme.report(4, { power_watts: 100 });
    await acme.caughtUp();
    const value = "power_watts = 99, state = unknown, temperature_c = 85";
    expect((await acme.alerts()).map(briefly)).to.deep.equal([["m-001", value, 2, 4]]);
  });

  it("finds a silent machine by the log's clock, and hears it when it reports again", async () => {
    const acme = await plant.newTenant();
    await acme.ruleOf({ condition: { kind: "no-data", onDelayMs: 1_000 } });
    await acme.report(1, { state: "running" });
    const [alert] = await eventually("the alert", async () => {
      const alerts = await acme.alerts();
      return alerts.length === 1 && alerts;
    });
    expect([alert!.value, alert!.metric, alert!.state]).to.deep.equal([null, null, "unacknowledged"]);
    expect(Date.parse(alert!.raisedAt)).to.equal(alert!.times.appended + 1_000);
    await acme.report(0, { state: "running" }); // late: it says nothing about now
    await acme.caughtUp();
    expect((await acme.alerts())[0]?.returnedAt).to.equal(null);
    await acme.report(2, { state: "running" });
    await eventually("its end", async () =>
      (await acme.alerts()).some(({ returnedAt }) => returnedAt !== null),
    );
  });

  it("watches what it has seen before the rule, and no machine that never reported", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.report(1, { temperature_c: 20 });
    await acme.caughtUp();
    const machines = ["m-001", "never-seen"];
    await acme.ruleOf({ machines, condition: { kind: "no-data", onDelayMs: 1_000 } });
    await eventually("the alert", async () => (await acme.alerts()).length === 1);
    expect((await acme.alerts()).map(({ machineId }) => machineId)).to.deep.equal(["m-001"]);
  });

  it("takes an outage of ours for no silent machine: it waits until everything appended is evaluated", async () => {
    await end();
    let isBehind = true;
    let asked = 0;
    start({ log: behind(() => (asked++, isBehind)) });
    const acme = await plant.newTenant();
    await acme.ruleOf({ condition: { kind: "no-data", onDelayMs: 1_000 } });
    await acme.report(1, { state: "running" });
    await eventually("timers that could have raised", () => asked > 3);
    expect(await acme.alerts()).to.deep.equal([]);
    isBehind = false;
    await eventually("the alert", async () => (await acme.alerts()).length === 1);
  });

  it("lets no partition that cannot tell its time keep the delays of others from ending", async () => {
    await end();
    const asked = new Set<string>();
    const horizon: EventLog["horizon"] = ({ topic }) => {
      asked.add(topic);
      return Promise.reject(new Error("away"));
    };
    start({ log: { horizon } });
    const tenants = [await plant.newTenant(), await plant.newTenant()];
    for (const tenant of tenants) {
      await tenant.ruleOf({ condition: { kind: "no-data", onDelayMs: 1_000 } });
      await tenant.report(1, { state: "running" });
    }
    const topics = tenants.map(({ topic }) => topic);
    await eventually("both are due", async () => {
      const due = await duePartitions(plant.catalog.service);
      return topics.every((topic) => due.some((one) => one.topic === topic));
    });
    asked.clear();
    await eventually("both are asked", () => topics.every((topic) => asked.has(topic)));
  });

  it("gives the silence one id, whether a timer or the machine's next reading finds it", async () => {
    const acme = await plant.newTenant();
    await acme.ruleOf({ condition: { kind: "no-data", onDelayMs: 1_000 } });
    await acme.report(1, { state: "running" });
    await eventually("the timer's alert", async () => (await acme.alerts()).length === 1);
    await acme.report(2, { state: "running" });
    await eventually("its end", async () => (await acme.alerts()).at(-1)?.returnedAt != null);
    await end();
    const before = await acme.alerts(); // on a slow machine it has fallen silent once more
    const byTimer = before.at(-1);
    // The same log again, from its start, as if nothing had been kept: now no timer runs before the next reading.
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      acknowledgeAlert(tx, acme.tenant, byTimer!.id, { by: "ann" }),
    );
    for (const table of ["rule_state", "machine_clock"])
      await plant.catalog.service.query(`delete from ${table} where tenant = $1`, [acme.tenant]);
    await plant.catalog.service.query("update alert_position set next_offset = 0 where tenant = $1", [
      acme.tenant,
    ]);
    start({ log: behind(() => true) });
    await acme.caughtUp();
    const again = await acme.alerts();
    expect(again.map(({ id }) => id)).to.deep.equal(before.map(({ id }) => id));
    expect(again.at(-1)).to.deep.include({ acknowledgedBy: "ann", state: "normal" });
  });

  it("keeps quiet about what another alert explains, and speaks when that one is gone", async () => {
    const acme = await plant.newTenant();
    await acme.channel("http://127.0.0.1:9/");
    await acme.ruleOf({ id: "off", metric: "state", condition: { kind: "state", equals: "offline" } });
    const limit = { kind: "threshold", op: "<", limit: 10 };
    await acme.ruleOf({ id: "cold", metric: "temperature_c", condition: limit, suppressedBy: ["off"] });
    await acme.report(1, { state: "offline", temperature_c: 5 }); // both at once: no order of the rules counts
    await acme.caughtUp();
    const stateOf = async (rule: string) => (await acme.alerts()).find((alert) => alert.rule === rule);
    expect(await stateOf("cold")).to.deep.include({ state: "suppressed", suppressedBy: "off" });
    expect(await deliveries(acme)).to.have.length(1);
    await acme.report(2, { state: "running" });
    await acme.caughtUp();
    const cold = await stateOf("cold");
    expect(cold).to.deep.include({ state: "unacknowledged", suppressedBy: null });
    expect((await deliveries(acme)).at(-1)).to.deep.equal({ alert: cold!.id, event: "alert.raised" });

    await acme.report(3, { state: "offline", temperature_c: 20 });
    await acme.report(4, { temperature_c: 5 });
    await acme.report(5, { temperature_c: 20 });
    await acme.caughtUp();
    expect((await acme.alerts())[0]).to.deep.include({ rule: "cold", state: "normal" }); // came and went under it
    await acme.report(6, { temperature_c: 5 });
    await acme.caughtUp();
    await inTenant(plant.catalog, acme.tenant, (tx) => deleteRule(tx, acme.tenant, "off"));
    expect((await acme.alerts())[0]).to.deep.include({ rule: "cold", state: "unacknowledged" });
  });

  it("tells nobody of what is out of service, and of what still stands when it is back", async () => {
    const acme = await plant.newTenant();
    await acme.channel("http://127.0.0.1:9/");
    await acme.rule({}, { id: "hot" });
    const inAcme = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(plant.catalog, acme.tenant, work);
    const taking = { by: "ann", reason: "spindle is changed" };
    await inAcme((tx) => takeMachineOut(tx, acme.tenant, "m-001", taking));
    await acme.send([[1, 99]]);
    await acme.caughtUp();
    expect((await acme.alerts())[0]?.state).to.equal("out-of-service");
    await inAcme((tx) => takeRuleOut(tx, acme.tenant, "hot", taking));
    await inAcme((tx) => putMachineBack(tx, acme.tenant, "m-001"));
    expect(await deliveries(acme)).to.deep.equal([]);
    await inAcme((tx) => putRuleBack(tx, acme.tenant, "hot"));
    const [alert] = await acme.alerts();
    expect(alert?.state).to.equal("unacknowledged");
    expect(await deliveries(acme)).to.deep.equal([{ alert: alert!.id, event: "alert.raised" }]);
  });

  it("gathers a flood into one incident, which ends with the last of its alerts", async () => {
    const acme = await plant.newTenant();
    await acme.channel("http://127.0.0.1:9/");
    await acme.rule({}, { severity: "high" });
    const machines = Array.from({ length: 8 }, (_, n) => `m-${n}`);
    await acme.send(machines.map((machine) => [1, 99, machine]));
    await acme.send([[1, 99, "m-8"]]);
    await acme.caughtUp();
    const inAcme = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(plant.catalog, acme.tenant, work);
    const incidents = async () => (await inAcme((tx) => listIncidents(tx, acme.tenant, { limit: 10 }))).items;
    const [incident] = await incidents();
    expect(incident).to.deep.include({ scope: "rule", state: "open", severity: "high", alertCount: 9 });
    expect(await deliveries(acme)).to.have.length(4); // three, and the one that was too many
    expect(new Set((await acme.alerts()).map((alert) => alert.incident))).to.deep.equal(
      new Set([incident!.id]),
    );

    await acme.rule({ limit: 90 }, { severity: "critical", machines: ["m-0"] });
    await acme.send([[2, 99, "m-0"]]);
    await acme.caughtUp();
    expect(await deliveries(acme)).to.have.length(5); // another rule, one alert: no flood

    await acme.send([...machines, "m-8"].map((machine) => [3, 20, machine]));
    await acme.caughtUp();
    const after = await inAcme((tx) => getIncident(tx, acme.tenant, incident!.id));
    expect(after).to.deep.include({ state: "ended", standingCount: 0 });
  });

  it("stays quiet about a rule that fires with every reading, and still records each alert", async () => {
    const acme = await plant.newTenant();
    await acme.channel("http://127.0.0.1:9/", { events: ["alert.raised", "alert.returned"] });
    await acme.rule();
    for (let n = 0; n < 40; n++) await acme.report(n, { temperature_c: n % 2 === 0 ? 99 : 20 });
    await acme.caughtUp();
    expect(await acme.alerts()).to.have.length(20);
    const ids = new Set((await deliveries(acme)).map(({ alert }) => alert));
    expect(ids.size).to.equal(4);
    const first = (await acme.alerts()).at(-1);
    const incident = await inTenant(plant.catalog, acme.tenant, (tx) =>
      getIncident(tx, acme.tenant, first!.incident!),
    );
    expect(incident).to.deep.include({ scope: "machine", subject: "m-001", alertCount: 20, state: "ended" });
    expect(
      await inTenant(plant.catalog, acme.tenant, (tx) => getAlert(tx, acme.tenant, first!.id)),
    ).to.deep.equal(first);
  });
});
