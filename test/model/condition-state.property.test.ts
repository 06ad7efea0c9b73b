import { expect } from "chai";
import fc from "fast-check";
import type { Delays, Limits } from "../../model/condition.ts";
import {
  elapse,
  evaluate,
  NORMAL,
  type ConditionState,
  type Start,
  type Transition,
} from "../../model/condition-state.ts";
import { judgeValue } from "../../model/judgement.ts";
import { seed } from "../support/seed.ts";

type Threshold = { readonly kind: "threshold" } & Limits & Delays;

const anyCondition: fc.Arbitrary<Threshold> = fc.record({
  kind: fc.constant("threshold" as const),
  op: fc.constantFrom(">", ">=", "<", "<="),
  limit: fc.integer({ min: -5, max: 5 }),
  deadBand: fc.integer({ min: 0, max: 3 }),
  onDelayMs: fc.constantFrom(0, 0, 3, 10),
  offDelayMs: fc.constantFrom(0, 0, 3, 10),
});

/** Readings of one machine in log order: event and append time only grow. */
const anyReadings = fc
  .array(fc.record({ value: fc.integer({ min: -10, max: 10 }), wait: fc.nat(8), delay: fc.nat(4) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let timeMs = 1_000;
    let appendedAtMs = 1_000;
    return steps.map(({ value, wait, delay }, n): Start & { value: number } => {
      timeMs += wait;
      appendedAtMs = Math.max(appendedAtMs, timeMs + delay);
      return { timeMs, appendedAtMs, value, producedAtMs: null, logRef: String(n), ordinal: 0 };
    });
  });

function runAll(
  condition: Threshold,
  readings: readonly (Start & { value: number })[],
  between?: (next: Start) => number,
) {
  let state: ConditionState = NORMAL;
  const transitions: Transition[] = [];
  for (const reading of readings) {
    if (between !== undefined) {
      const early = elapse(state, condition, between(reading));
      state = early.state;
      transitions.push(...early.transitions);
    }
    const { verdict } = judgeValue(condition, reading.value)!;
    const step = evaluate(state, condition, verdict, reading);
    state = step.state;
    transitions.push(...step.transitions);
  }
  return { state, transitions };
}

describe("condition of a rule on a machine", () => {
  const check = (law: (condition: Threshold, readings: readonly (Start & { value: number })[]) => void) =>
    fc.assert(fc.property(anyCondition, anyReadings, law), { seed, numRuns: 500 });

  it("raises and returns in turn, each return of the alert before it", () => {
    check((condition, readings) => {
      const { transitions } = runAll(condition, readings);
      transitions.forEach(({ kind, alert }, n) => {
        expect(kind).to.equal(n % 2 === 0 ? "raised" : "returned");
        if (kind === "returned") expect(alert).to.equal(transitions[n - 1]?.alert);
      });
    });
  });

  it("gives every alert an identity of its own", () => {
    check((condition, readings) => {
      const raised = runAll(condition, readings).transitions.filter(({ kind }) => kind === "raised");
      expect(new Set(raised.map(({ alert }) => alert.logRef)).size).to.equal(raised.length);
    });
  });

  it("takes the same steps whether or not timers ran between the readings", () => {
    // a timer runs for a horizon that no later record lies before
    check((condition, readings) => {
      expect(runAll(condition, readings, ({ appendedAtMs }) => appendedAtMs)).to.deep.equal(
        runAll(condition, readings),
      );
    });
  });

  it("without delays raises exactly where the value goes beyond the limit from behind it", () => {
    check((drawn, readings) => {
      const condition = { ...drawn, op: ">" as const, deadBand: 0, onDelayMs: 0, offDelayMs: 0 };
      const crossings = readings.filter(
        ({ value }, n) =>
          value > condition.limit && !((readings[n - 1]?.value ?? -Infinity) > condition.limit),
      );
      const raised = runAll(condition, readings).transitions.filter(({ kind }) => kind === "raised");
      expect(raised.map(({ alert }) => alert)).to.deep.equal(crossings);
    });
  });

  it("never raises on values that all lie behind the limit", () => {
    check((condition, readings) => {
      const behind = condition.op.startsWith(">") ? condition.limit - 1 : condition.limit + 1;
      const calm = readings.map((reading) => ({ ...reading, value: behind }));
      expect(runAll(condition, calm).transitions).to.deep.equal([]);
    });
  });
});
