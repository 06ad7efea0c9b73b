import type { LatestValues, MachineKey } from "../../data/catalog/rule-state.ts";
import type { TopicPartition } from "../../data/event-log/event-log.ts";
import { deadlineMs, NORMAL, type ConditionState, type Place } from "../../model/condition-state.ts";
import type { ReadingType } from "../../model/reading.ts";
import type { RuleInForce } from "../../model/rule.ts";
import type { RuleIndex } from "./rule-index.ts";

/** What the newest reading of one type has left. */
export interface Clock {
  readonly last: Place;
  readonly latest: LatestValues;
}

interface Remembered {
  readonly version: bigint;
  readonly state: ConditionState;
}

/** What the engine knows of one machine; changed in memory by the evaluation, in the catalog by its transaction. */
export class MachineMemory {
  readonly key: MachineKey & TopicPartition;
  readonly clocks = new Map<ReadingType, Clock>();
  /** By rule id; no entry means normal. */
  readonly #states = new Map<string, Remembered>();
  /** Never later than the first deadline of all: looking too early is harmless. */
  #nextDeadlineMs = -Infinity;

  constructor(key: MachineKey & TopicPartition) {
    this.key = key;
  }

  /** A state of an older version of the rule counts as normal. */
  stateOf({ id, version }: Pick<RuleInForce, "id" | "version">): ConditionState {
    const remembered = this.#states.get(id);
    return remembered?.version === version ? remembered.state : NORMAL;
  }

  versionOf(rule: string): bigint | undefined {
    return this.#states.get(rule)?.version;
  }

  recall(rule: string, remembered: Remembered): void {
    this.#states.set(rule, remembered);
  }

  remember(rule: RuleInForce, state: ConditionState): void {
    this.#states.set(rule.id, { version: rule.version, state });
    const deadline = this.deadlineOf(rule, state);
    if (deadline !== undefined && deadline < this.#nextDeadlineMs) this.#nextDeadlineMs = deadline;
  }

  deadlineOf(rule: RuleInForce, state: ConditionState): number | undefined {
    return deadlineMs(state, rule.condition, this.clocks.get(rule.type)?.last);
  }

  /**
   * The rules whose deadline is the first of all, where it lies before `logMs`: together, because what happens at one
   * instant has no order.
   */
  due(rules: RuleIndex, logMs: number): readonly RuleInForce[] {
    if (logMs <= this.#nextDeadlineMs) return [];
    let first = Infinity;
    let due: RuleInForce[] = [];
    for (const [id, { version, state }] of this.#states) {
      const rule = rules.get(id);
      if (rule?.version !== version) continue;
      const deadline = this.deadlineOf(rule, state) ?? Infinity;
      if (deadline < first) [first, due] = [deadline, []];
      if (deadline === first) due.push(rule);
    }
    this.#nextDeadlineMs = first;
    return first < logMs ? due : [];
  }
}
