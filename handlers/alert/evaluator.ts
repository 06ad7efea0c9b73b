import { createHash } from "node:crypto";
import type { AlertTransition } from "../../data/catalog/alert-transition.ts";
import type { LatestValues, MachineClock, RuleState } from "../../data/catalog/rule-state.ts";
import {
  elapse,
  elapseSilence,
  evaluate,
  evaluatePresence,
  isStanding,
  NORMAL,
  type ConditionState,
  type Start,
  type Step,
  type Transition,
} from "../../model/condition-state.ts";
import { judgeExpression, judgeRate, judgeValue, type Judgement } from "../../model/judgement.ts";
import type { Reading, ReadingValue } from "../../model/reading.ts";
import type { RuleInForce } from "../../model/rule.ts";
import type { Clock, MachineMemory } from "./machine-memory.ts";
import type { RuleIndex } from "./rule-index.ts";

/** A reading and where the log has it. */
export type PlacedReading = Reading & Omit<Start, "value" | "timeMs">;

/**
 * Runs the rules of one tenant over readings and over the log's clock, and collects what changed. All that it decides
 * follows from the machine's memory and the reading, so batches of any size, timers and replays decide alike.
 */
export class Evaluator {
  readonly transitions: AlertTransition[] = [];
  /** Older than the newest of the same machine and type: stored by ingest, of no effect here. */
  lateCount = 0;
  readonly #rules: RuleIndex;
  readonly #nowMs: number;
  readonly #clocks = new Map<string, MachineClock>();
  readonly #states = new Map<string, RuleState>();

  constructor(rules: RuleIndex, nowMs: number) {
    this.#rules = rules;
    this.#nowMs = nowMs;
  }

  get clocks(): readonly MachineClock[] {
    return [...this.#clocks.values()];
  }

  get states(): readonly RuleState[] {
    return [...this.#states.values()];
  }

  /** Takes one reading of the machine, in log order. */
  take(reading: PlacedReading, memory: MachineMemory): void {
    this.elapse(memory, reading.appendedAtMs);
    const { type, machineId, timeMs, values } = reading;
    const before = memory.clocks.get(type);
    if (before !== undefined && timeMs < before.last.timeMs) {
      this.lateCount += 1;
      return;
    }
    const clock = this.#advance(reading, memory, before);
    const settled: Settled[] = [];
    this.#rules.forReading(type, machineId, values, (rule) => {
      // In force for what is appended from its making on: rows stored before are not evaluated, however late we read them.
      if (reading.appendedAtMs < rule.validFromMs) return;
      const state = memory.stateOf(rule);
      const step = stepOf(rule, state, reading, clock);
      if (step.state !== state) settled.push({ rule, step });
    });
    this.#settle(memory, settled, timeMs, reading.appendedAtMs);
  }

  /** Ends what time alone ends before `logMs` by the log's clock, in the order of the deadlines. */
  elapse(memory: MachineMemory, logMs: number): void {
    for (let due = memory.due(this.#rules, logMs); due.length > 0; due = memory.due(this.#rules, logMs)) {
      let atMs = logMs;
      const settled = due.map((rule) => {
        const state = memory.stateOf(rule);
        atMs = memory.deadlineOf(rule, state) ?? atMs;
        const last = memory.clocks.get(rule.type)?.last;
        const step =
          rule.condition.kind === "no-data" && last !== undefined
            ? elapseSilence(state, rule.condition, last, logMs)
            : withSamples(elapse(state, rule.condition, logMs), state);
        return { rule, step };
      });
      this.#settle(memory, settled, atMs, atMs);
    }
  }

  /**
   * A deadline that came and changed nothing is due again later: the machine has reported meanwhile. Rows are written
   * then, and not with each reading. A rule that is another one by now has no state at all.
   */
  rearm(ruleId: string, memory: MachineMemory | undefined): void {
    if (memory === undefined || this.#states.has(`${ruleId}/${memory.key.machineId}`)) return;
    const rule = this.#rules.get(ruleId);
    const version = memory.versionOf(ruleId);
    if (rule !== undefined && rule.version === version) this.#keep(memory, rule, memory.stateOf(rule));
    else if (version !== undefined) {
      const blank = { ...memory.key, rule: ruleId, version, state: NORMAL, deadlineMs: undefined };
      this.#states.set(`${ruleId}/${memory.key.machineId}`, blank);
    }
  }

  #advance(reading: PlacedReading, memory: MachineMemory, before: Clock | undefined): Clock {
    const { type, machineId, timeMs, appendedAtMs, logRef, ordinal } = reading;
    const last = { timeMs, appendedAtMs, logRef, ordinal };
    const latest = latestValues(reading, before?.latest ?? {}, this.#rules.expressionMetrics(type));
    const clock = { last, latest };
    memory.clocks.set(type, clock);
    this.#clocks.set(`${type}/${machineId}`, { ...memory.key, type, ...clock });
    return clock;
  }

  /** Remembers what happened at one instant; suppression looks at all of it, so the order of the rules plays no part. */
  #settle(memory: MachineMemory, settled: readonly Settled[], atMs: number, loggedAtMs: number): void {
    for (const { rule, step } of settled) memory.remember(rule, step.state);
    for (const { rule, step } of settled) {
      this.#keep(memory, rule, step.state);
      for (const transition of step.transitions) {
        const suppressedBy = this.#suppressorOf(rule, memory);
        if (transition.kind === "returned" || suppressedBy === undefined) {
          this.#emit(memory, rule, transition);
        } else {
          const alert = { ...transition.alert, suppressedBy };
          this.#changeAlert(memory, rule, alert);
          this.#emit(memory, rule, { ...transition, alert });
        }
      }
    }
    for (const { rule, step } of settled) {
      if (isStanding(step.state)) continue;
      for (const dependent of this.#rules.dependentsOf(rule.id))
        this.#release(memory, dependent, atMs, loggedAtMs);
    }
  }

  #suppressorOf({ suppressedBy }: RuleInForce, memory: MachineMemory): string | undefined {
    return suppressedBy.find((id) => {
      const rule = this.#rules.get(id);
      return rule !== undefined && isStanding(memory.stateOf(rule));
    });
  }

  /** The alert still stands and nothing explains it any more. */
  #release(memory: MachineMemory, rule: RuleInForce, atMs: number, loggedAtMs: number): void {
    const state = memory.stateOf(rule);
    if (state.phase !== "raised" && state.phase !== "returning") return;
    const { suppressedBy, ...alert } = state.alert;
    if (suppressedBy === undefined || this.#suppressorOf(rule, memory) !== undefined) return;
    this.#changeAlert(memory, rule, alert);
    this.#emit(memory, rule, { kind: "released", alert, atMs, loggedAtMs });
  }

  #changeAlert(memory: MachineMemory, rule: RuleInForce, alert: Start): void {
    const state = memory.stateOf(rule);
    if (state.phase !== "raised" && state.phase !== "returning") return;
    const changed = { ...state, alert };
    memory.remember(rule, changed);
    this.#keep(memory, rule, changed);
  }

  #keep(memory: MachineMemory, rule: RuleInForce, state: ConditionState): void {
    const { id, version } = rule;
    this.#states.set(`${id}/${memory.key.machineId}`, {
      ...{ ...memory.key, rule: id, version, state },
      deadlineMs: memory.deadlineOf(rule, state),
    });
  }

  #emit(
    { key: { tenant, machineId } }: MachineMemory,
    rule: RuleInForce,
    transition: Omit<Transition, "kind"> & Pick<AlertTransition, "kind">,
  ): void {
    const alertId = alertIdOf(tenant, rule, machineId, transition.alert);
    const isOutOfService = this.#rules.isOutOfService(rule, machineId);
    this.transitions.push({
      ...{ ...transition, tenant, rule, machineId, alertId, isOutOfService },
      evaluatedAtMs: this.#nowMs,
    });
  }
}

interface Settled {
  readonly rule: RuleInForce;
  readonly step: Step;
}

/**
 * The id is made of the reading that began the condition, or after which nothing came. A delay may run out by a reading
 * or by the clock, in a first run or in a replay: the alert is the same one.
 */
function alertIdOf(tenant: string, rule: RuleInForce, machineId: string, alert: Start): string {
  const { logRef, ordinal, deadlineMs } = alert;
  const origin = [logRef, ordinal, ...(deadlineMs === undefined ? [] : [deadlineMs])];
  const identity = [tenant, rule.id, rule.version, machineId, rule.condition.kind, ...origin].join("/");
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}

/** What the reading does to the rule's state: the same state where it says nothing to the rule. */
function stepOf(rule: RuleInForce, state: ConditionState, reading: PlacedReading, clock: Clock): Step {
  const { condition, metric = "" } = rule;
  switch (condition.kind) {
    case "threshold":
    case "state":
      return judged(rule, state, reading, judgeValue(condition, reading.values[metric]));
    case "rate": {
      const value = reading.values[metric];
      if (typeof value !== "number") return unchanged(state);
      const seen = { timeMs: reading.timeMs, value };
      const { samples, judgement } = judgeRate(rule, condition, state.samples ?? [], seen);
      const sampled = samples === state.samples ? state : { ...state, samples };
      return judged(rule, sampled, reading, judgement);
    }
    case "expression": {
      const valueOf = (name: string) => latestValue(clock.latest, name, rule.validFromMs);
      return judged(rule, state, reading, judgeExpression(rule, valueOf));
    }
    case "no-data":
      if (state.phase === "watched") return unchanged(state); // nearly always: the clock has what it needs
      return evaluatePresence(state, condition, startOf(reading, null));
  }
}

function judged(
  { condition }: RuleInForce,
  state: ConditionState,
  reading: PlacedReading,
  judgement: Judgement | undefined,
): Step {
  // Nearly every value of nearly every rule: nothing is made for it.
  if (judgement === undefined || (state.phase === "normal" && judgement.verdict !== "beyond"))
    return unchanged(state);
  return withSamples(evaluate(state, condition, judgement.verdict, startOf(reading, judgement.value)), state);
}

/** Samples outlive the phases. */
function withSamples(step: Step, { samples }: ConditionState): Step {
  return samples === undefined || step.state.samples === samples
    ? step
    : { ...step, state: { ...step.state, samples } };
}

function unchanged(state: ConditionState): Step {
  return { state, transitions: NONE };
}

function startOf(reading: PlacedReading, value: Start["value"]): Start {
  const { timeMs, appendedAtMs, producedAtMs, logRef, ordinal } = reading;
  return { timeMs, appendedAtMs, producedAtMs, logRef, ordinal, value };
}

function latestValues(
  { values, appendedAtMs }: PlacedReading,
  before: LatestValues,
  metrics: ReadonlySet<string>,
) {
  if (metrics.size === 0) return before;
  const latest: Record<string, readonly [ReadingValue, number]> = {};
  for (const metric of metrics) {
    const value = values[metric];
    const known = value === undefined ? before[metric] : ([value, appendedAtMs] as const);
    if (known !== undefined) latest[metric] = known;
  }
  return latest;
}

/** Values of before the rule are as good as none: what it says must not depend on the rules that were there already. */
function latestValue(latest: LatestValues, name: string, validFromMs: number): ReadingValue | undefined {
  const known = latest[name];
  return known === undefined || known[1] < validFromMs ? undefined : known[0];
}

const NONE: readonly never[] = [];
