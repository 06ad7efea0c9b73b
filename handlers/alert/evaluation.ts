import type pg from "pg";
import type { TakenRange } from "../../data/catalog/alert-position.ts";
import type { AlertTransition } from "../../data/catalog/alert-transition.ts";
import type { MachineClock, RuleState } from "../../data/catalog/rule-state.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { EARLIEST_TIME_MS, MAX_CLOCK_LEAD_MS } from "../../model/decode-reading.ts";
import type { MachineHistory } from "../../model/machine-history.ts";
import { packLogRef } from "../../model/log-ref.ts";
import { trustedReading } from "../../model/quality.ts";
import { parseTopicName } from "../../model/topic-name.ts";
import { decodeValue } from "../decode-value.ts";
import { Evaluator, type PlacedReading } from "./evaluator.ts";
import type { MachineStates } from "./machine-states.ts";
import type { RuleIndex } from "./rule-index.ts";

/** Records of one partition, in offset order. */
export interface PartitionBatch extends TakenRange {
  readonly records: readonly LogRecord[];
  /** undefined: readings of every machine are taken */
  readonly machines: MachineHistory | undefined;
}

export interface Outcome {
  readonly clocks: readonly MachineClock[];
  readonly states: readonly RuleState[];
  readonly transitions: readonly AlertTransition[];
  readonly counts: {
    readonly readings: number;
    readonly late: number;
    readonly raised: number;
    readonly returned: number;
  };
}

/** Runs the rules over the batches, reading states that are not in memory; writes nothing. */
export async function evaluateBatch(
  tx: pg.ClientBase,
  batches: readonly PartitionBatch[],
  states: MachineStates,
  rulesOf: (tenant: string) => RuleIndex | undefined,
  nowMs: number,
): Promise<Outcome> {
  const evaluators = new Map<string, Evaluator>();
  let readings = 0;
  for (const batch of batches) {
    const rules = rulesOf(batch.tenant);
    if (rules === undefined) continue;
    const seen = batch.records
      .filter(({ headers }) => headers["source"] !== "import") // history must not ring today
      .flatMap((record) => readingsOf(record, batch.machines))
      .filter(({ type, machineId }) => rules.concerns(type, machineId));
    if (seen.length === 0) continue;
    readings += seen.length;
    const machineIds = new Set(seen.map(({ machineId }) => machineId));
    const memories = await states.of(tx, batch.tenant, batch, machineIds);
    const evaluator = evaluators.get(batch.tenant) ?? new Evaluator(rules, nowMs);
    evaluators.set(batch.tenant, evaluator);
    for (const reading of seen) {
      const memory = memories.get(reading.machineId);
      if (memory !== undefined) evaluator.take(reading, memory);
    }
  }
  const all = [...evaluators.values()];
  const transitions = all.flatMap((one) => one.transitions);
  const countOf = (kind: AlertTransition["kind"]) => transitions.filter((one) => one.kind === kind).length;
  return {
    clocks: all.flatMap(({ clocks }) => clocks),
    states: all.flatMap((one) => one.states),
    transitions,
    counts: {
      readings,
      late: all.reduce((sum, { lateCount }) => sum + lateCount, 0),
      raised: countOf("raised"),
      returned: countOf("returned"),
    },
  };
}

/** null for what is no plausible time: a producer past the API writes what it likes, and no database has a date for all of it. */
function producedAt(header: string | undefined, appendedAtMs: number): number | null {
  const ms = Number(header);
  return Number.isSafeInteger(ms) && ms >= EARLIEST_TIME_MS && ms <= appendedAtMs + MAX_CLOCK_LEAD_MS
    ? ms
    : null;
}

/** What cannot be read, is dated beyond the tolerance or of an unknown machine is a dead letter of ingest's and nothing to an alert; nor is a bad value. */
function readingsOf(record: LogRecord, machines: MachineHistory | undefined): PlacedReading[] {
  const { topic, partition, offset, appendedAtMs, headers } = record;
  const generation = parseTopicName(topic)?.generation ?? 0;
  const logRef = packLogRef({ generation, partition, offset }).toString();
  const producedAtMs = producedAt(headers["produced-at"], appendedAtMs);
  return decodeValue(record, machines).readings.map(({ reading, ordinal }) => ({
    ...trustedReading(reading),
    ...{ appendedAtMs, producedAtMs, logRef, ordinal },
  }));
}
