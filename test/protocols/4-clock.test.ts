import { createHash } from "node:crypto";
import { expect } from "chai";
import pg from "pg";
import type { Horizon, LogRecord } from "../../data/event-log/event-log.ts";
import { Evaluator, type PlacedReading } from "../../handlers/alert/evaluator.ts";
import { MachineMemory } from "../../handlers/alert/machine-memory.ts";
import { alertEngine } from "../../handlers/alert/process.ts";
import { RuleIndex } from "../../handlers/alert/rule-index.ts";
import { decodeValue } from "../../handlers/decode-value.ts";
import type { Condition } from "../../model/condition.ts";
import type { RuleInForce } from "../../model/rule.ts";
import { tenantId } from "../../model/tenant.ts";
import { alertPlant, ruleOf, START_MS, wireOf } from "../support/alert-plant.ts";
import { eventually } from "../support/eventually.ts";
import { logRecord } from "../support/log-records.ts";

const acme = tenantId.parse("acme");
const atSecond = (seconds: number) => START_MS + seconds * 1_000;
const recordAt = (offset: number, seconds: number, value: number, appendedAtSecond = seconds) =>
  logRecord(acme, 0, offset, [wireOf([seconds, value])], { appendedAtMs: atSecond(appendedAtSecond) });

/** What the engine reads of a record. */
function readingsOf(record: LogRecord): PlacedReading[] {
  const { appendedAtMs, offset } = record;
  return decodeValue(record, undefined).readings.map(({ reading, ordinal }) => ({
    ...{ ...reading, ordinal, appendedAtMs },
    ...{ logRef: String(offset), producedAtMs: null },
  }));
}

/** The engine's evaluation of one machine under one rule. */
function machineUnder(condition: Condition) {
  const rule: RuleInForce = {
    ...ruleOf(),
    ...{ id: "hot", version: 1n, validFromMs: 0, expression: undefined, machines: undefined },
    ...{ metric: "temperature_c", suppressedBy: [], isOutOfService: false, condition },
  };
  const key = { tenant: acme, machineId: "m-001", topic: "acme.readings.g1", partition: 0 };
  const memory = new MachineMemory(key);
  const evaluator = new Evaluator(new RuleIndex([rule], new Set()), 0);
  return {
    take: (reading: PlacedReading) => evaluator.take(reading, memory),
    elapse: (seconds: number) => evaluator.elapse(memory, atSecond(seconds)),
    raised: () => evaluator.transitions.filter(({ kind }) => kind === "raised"),
  };
}

describe("protocol 4: the clocks of alerts", () => {
  describe("a timer fires only when all that was appended before its deadline is evaluated", () => {
    let plant: Awaited<ReturnType<typeof alertPlant>>;
    let admin: pg.Client;
    before(async () => {
      plant = await alertPlant();
      admin = new pg.Client(plant.admin);
      await admin.connect();
    });
    after(async () => {
      await admin.end();
      await plant.close();
    });

    /**
     * A machine reports at seconds 0 and 800; silence is an alert after 900. We are behind by the second record when
     * the timer runs, at second 1,000. @returns the alerts that it has raised
     */
    async function runBehind(horizonOf: (end: Horizon) => Horizon) {
      const { tenant, ruleOf: rule, topic, alerts } = await plant.newTenant();
      await rule({ condition: { kind: "no-data", onDelayMs: 900_000 } });
      await admin.query("update catalog.rule set valid_from = '2026-01-01' where tenant = $1", [tenant]);
      let asked = 0;
      const horizon = () => {
        asked += 1;
        return Promise.resolve(horizonOf({ end: 2n, atMs: atSecond(1_000) }));
      };
      const engine = alertEngine({ pool: plant.catalog.service, log: { horizon } });
      await engine.subscription.position({ topic, partition: 0 });
      await engine.subscription.handle([{ ...recordAt(0, 0, 20), topic }]);
      const stop = new AbortController();
      const running = engine.runTimers(stop.signal);
      // The second question of one partition comes behind the first one's answer; an alert ends the questions.
      await eventually("a timer that has run", async () => asked > 1 || (await alerts()).length > 0);
      stop.abort();
      await running;
      return (await alerts()).length;
    }

    it("so an outage of ours is no silent machine", async () => {
      expect(await runBehind((horizon) => horizon)).to.equal(0);
    });

    it("would call a machine silent whose reading lies unread in the log", async () => {
      expect(await runBehind((horizon) => ({ ...horizon, end: 0n }))).to.equal(1);
    });
  });

  describe("a reading dated beyond append time and tolerance never advances event time", () => {
    const log = [recordAt(0, 3_600, 20, 0), recordAt(1, 1, 99)]; // an hour ahead, then hot at the right time

    function raisedWith(decode: (record: LogRecord) => PlacedReading[]) {
      const machine = machineUnder(ruleOf().condition);
      for (const reading of log.flatMap(decode)) machine.take(reading);
      return machine.raised().length;
    }

    it("so the machine is heard afterwards", () => {
      expect(raisedWith(readingsOf)).to.equal(1);
    });

    it("would mute the machine for as long as its clock was ahead", () => {
      const withoutCheck = (record: LogRecord) => {
        const { appendedAtMs } = record;
        return readingsOf({ ...record, appendedAtMs: atSecond(3_600) }).map((one) => ({
          ...one,
          appendedAtMs,
        }));
      };
      expect(raisedWith(withoutCheck)).to.equal(0);
    });
  });

  describe("an alert has one id, whether a timer or a reading ends its delay", () => {
    const [first, second] = [recordAt(0, 0, 99), recordAt(1, 20, 99)].map((record) => readingsOf(record)[0]!);

    /** The same log twice: in one run a timer is there before the second reading, in the other it is not. */
    function raiseTwice() {
      return [true, false].map((hasTimer) => {
        const machine = machineUnder(ruleOf({ onDelayMs: 10_000 }).condition);
        machine.take(first!);
        if (hasTimer) machine.elapse(15);
        const byTimer = machine.raised().length === 1;
        machine.take(second!);
        const [raised, ...more] = machine.raised();
        expect(more).to.deep.equal([]);
        return { raised: raised!, byTimer };
      });
    }

    it("because it names the reading that began the condition", () => {
      const runs = raiseTwice();
      expect(runs.map(({ byTimer }) => byTimer)).to.deep.equal([true, false]);
      expect(new Set(runs.map(({ raised }) => raised.alertId)).size).to.equal(1);
    });

    it("and would be two alerts if it named what ended the delay: the reading, or the timer's deadline", () => {
      const idByEnd = raiseTwice().map(({ raised, byTimer }) => {
        const end = byTimer ? [first!.logRef, raised.atMs] : [second!.logRef, second!.ordinal];
        return createHash("sha256")
          .update([raised.rule.id, raised.machineId, ...end].join("/"))
          .digest("hex");
      });
      expect(new Set(idByEnd).size).to.equal(2);
    });
  });
});
