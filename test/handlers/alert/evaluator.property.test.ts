import { expect } from "chai";
import fc from "fast-check";
import type { AlertTransition } from "../../../data/catalog/alert-transition.ts";
import { Evaluator, type PlacedReading } from "../../../handlers/alert/evaluator.ts";
import { MachineMemory } from "../../../handlers/alert/machine-memory.ts";
import { RuleIndex } from "../../../handlers/alert/rule-index.ts";
import type { ConditionState } from "../../../model/condition-state.ts";
import { expressionOf, ruleBody, type RuleInForce } from "../../../model/rule.ts";
import { seed } from "../../support/seed.ts";

function ruleInForce(id: string, facts: object): RuleInForce {
  const body = ruleBody.parse({ name: id, type: "machine", severity: "low", ...facts });
  return {
    ...{ id, version: 1n, validFromMs: 0, name: id, type: body.type, condition: body.condition },
    ...{ metric: body.metric, severity: body.severity, machines: undefined, isOutOfService: false },
    expression: expressionOf(body.type, body),
    suppressedBy: body.suppressedBy ?? [],
  };
}

const temperature = { metric: "temperature_c" };
const delays = { onDelayMs: 3_000, offDelayMs: 2_000 };
const EVERY_KIND = [
  ruleInForce("hot", {
    ...temperature,
    condition: { kind: "threshold", op: ">", limit: 5, deadBand: 2, ...delays },
  }),
  ruleInForce("fast", { ...temperature, condition: { kind: "rate", op: ">", limit: 3, windowMs: 4_000 } }),
  ruleInForce("off", { metric: "state", condition: { kind: "state", equals: "off", ...delays } }),
  ruleInForce("both", {
    suppressedBy: ["off"],
    condition: { kind: "expression", expression: "temperature_c > 4 && state == 'off'" },
  }),
  ruleInForce("silent", { suppressedBy: ["off"], condition: { kind: "no-data", onDelayMs: 4_000 } }),
  ruleInForce("quiet", { condition: { kind: "no-data", onDelayMs: 2_000, offDelayMs: 3_000 } }),
  ruleInForce("warm", {
    ...temperature,
    suppressedBy: ["off"],
    condition: { kind: "threshold", op: ">", limit: 4 },
  }),
];

/** Readings of one machine in log order; some are late, some say little. */
const anyReadings = fc
  .array(
    fc.record({
      wait: fc.nat(6_000),
      lag: fc.nat(2_000),
      temperature_c: fc.option(fc.nat(10), { nil: undefined }),
      state: fc.constantFrom(undefined, "on", "off"),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    let appendedAtMs = 10_000;
    return steps.map(({ wait, lag, temperature_c, state }, n): PlacedReading => {
      appendedAtMs += wait;
      const values = {
        ...(temperature_c === undefined ? {} : { temperature_c }),
        ...(state === undefined ? {} : { state }),
      };
      const place = {
        timeMs: appendedAtMs - lag,
        appendedAtMs,
        producedAtMs: null,
        logRef: String(n),
        ordinal: 0,
      };
      return { type: "machine", machineId: "m", values, quality: 0, ...place };
    });
  });

const key = { tenant: "acme", machineId: "m", topic: "acme.readings.g1", partition: 0 };
const lineOf = ({ kind, rule, alertId, alert, atMs, loggedAtMs }: AlertTransition) =>
  `${kind} ${rule.id} ${alertId} ${atMs} ${loggedAtMs} ${alert.suppressedBy ?? "-"}`;

interface Disturbance {
  /** Timers that run between the readings. */
  readonly timers?: boolean;
  /** All that is not in the catalog is lost between the readings. */
  readonly restarts?: boolean;
}

function run(
  rules: readonly RuleInForce[],
  readings: readonly PlacedReading[],
  { timers, restarts }: Disturbance,
) {
  const index = new RuleIndex(rules, new Set());
  let memory = new MachineMemory(key);
  const stored = new Map<
    string,
    { version: bigint; state: ConditionState; deadlineMs: number | undefined }
  >();
  const lines: string[] = [];
  const commit = (evaluator: Evaluator) => {
    for (const { rule, version, state, deadlineMs } of evaluator.states) {
      stored.set(rule, { version, state: JSON.parse(JSON.stringify(state)) as ConditionState, deadlineMs });
    }
    lines.push(...evaluator.transitions.map(lineOf));
    if (restarts !== true) return;
    const next = new MachineMemory(key);
    for (const [type, clock] of memory.clocks) next.clocks.set(type, clock);
    for (const [rule, state] of stored) next.recall(rule, state);
    memory = next;
  };
  for (const [n, reading] of readings.entries()) {
    const before = readings[n - 1]?.appendedAtMs ?? 0;
    for (let logMs = before; timers === true && logMs <= reading.appendedAtMs; logMs += 700) {
      // as the engine does it: only what the catalog says is due, and a deadline that changed nothing is written anew
      const due = [...stored].filter(([, { deadlineMs }]) => deadlineMs !== undefined && deadlineMs < logMs);
      if (due.length === 0) continue;
      const evaluator = new Evaluator(index, 0);
      evaluator.elapse(memory, logMs);
      for (const [rule] of due) evaluator.rearm(rule, memory);
      commit(evaluator);
    }
    const evaluator = new Evaluator(index, 0);
    evaluator.take(reading, memory);
    commit(evaluator);
  }
  return lines;
}

describe(`evaluation of rules (seed ${seed})`, () => {
  const check = (law: (readings: readonly PlacedReading[]) => void) =>
    fc.assert(fc.property(anyReadings, law), { seed, numRuns: 400 });

  it("takes the same steps, under the same ids, with timers, with restarts, and with neither", () => {
    check((readings) => {
      const calm = run(EVERY_KIND, readings, {});
      expect(run(EVERY_KIND, readings, { timers: true })).to.deep.equal(calm);
      expect(run(EVERY_KIND, readings, { restarts: true })).to.deep.equal(calm);
      expect(run(EVERY_KIND, readings, { timers: true, restarts: true })).to.deep.equal(calm);
    });
  });

  it("does not depend on the order of the rules", () => {
    check((readings) => {
      const reversed = run([...EVERY_KIND].reverse(), readings, {});
      expect(reversed.toSorted()).to.deep.equal(run(EVERY_KIND, readings, {}).toSorted());
    });
  });

  it("finds silence exactly where nothing that counts was appended for longer than the delay", () => {
    const silent = EVERY_KIND.filter(({ id }) => id === "silent");
    check((readings) => {
      const counted = readings.filter(({ timeMs }, n) =>
        readings.slice(0, n).every((one) => one.timeMs <= timeMs),
      );
      // Late readings change nothing, but time has passed when they come.
      const expected = counted.slice(0, -1).flatMap(({ appendedAtMs }, n) => {
        const next = counted[n + 1]!;
        const deadline = appendedAtMs + 4_000;
        return next.appendedAtMs > deadline ? [`raised ${deadline}`, `returned ${next.timeMs}`] : [];
      });
      const end = (counted.at(-1)?.appendedAtMs ?? Infinity) + 4_000;
      if ((readings.at(-1)?.appendedAtMs ?? 0) > end) expected.push(`raised ${end}`);
      const found = run(silent, readings, {}).map((line) => line.split(" "));
      expect(found.map(([kind, , , atMs]) => `${kind} ${atMs}`)).to.deep.equal(expected);
    });
  });

  it("ends a silence only when the machine has reported for the off-delay without a pause", () => {
    const quiet = EVERY_KIND.filter(({ id }) => id === "quiet");
    const at = (seconds: number): PlacedReading => {
      const timeMs = 10_000 + seconds * 1_000;
      const place = { timeMs, appendedAtMs: timeMs, producedAtMs: null, logRef: String(seconds), ordinal: 0 };
      return { type: "machine", machineId: "m", values: { state: "on" }, quality: 0, ...place };
    };
    const found = run(quiet, [0, 10, 20, 21, 22, 23].map(at), { timers: true });
    expect(found.map((line) => [line.split(" ")[0], line.split(" ")[3]])).to.deep.equal([
      ["raised", "12000"],
      ["returned", "33000"],
    ]);
  });

  it("suppresses no alert that nothing explains, and keeps none suppressed for longer", () => {
    check((readings) => {
      let isOff = false;
      const hidden = new Set<string>();
      for (const line of run(EVERY_KIND, readings, {})) {
        const [kind, rule, id = "", , , suppressor] = line.split(" ");
        if (rule === "off") isOff = kind === "raised";
        if (kind === "raised" && suppressor === "off") hidden.add(id);
        else hidden.delete(id);
      }
      if (!isOff) expect([...hidden]).to.deep.equal([]);
    });
  });
});
