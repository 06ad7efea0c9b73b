import type pg from "pg";
import type { TakenRange, TakenUntil } from "../../data/catalog/alert-position.ts";
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

/**
 * So many transitions one transaction carries, in equal shares of its partitions: some 100 ms of writing. More: who comes
 * behind a flood waits longer for it. Fewer: a flood takes more commits. A share ends with the record that reaches it, so
 * one record with many readings may exceed it, and each partition gets on in each transaction.
 */
export const MAX_TRANSITIONS = 400;

export interface Outcome {
  readonly clocks: readonly MachineClock[];
  readonly states: readonly RuleState[];
  readonly transitions: readonly AlertTransition[];
  /** Partitions that are evaluated up to here and no further: their records brought more than their share. */
  readonly cuts: readonly TakenUntil[];
  readonly counts: {
    readonly readings: number;
    readonly late: number;
    readonly raised: number;
    readonly returned: number;
  };
}

/** Runs the rules over the batches, each up to its share of transitions, reading states that are not in memory; writes nothing. */
export async function evaluateBatch(
  tx: pg.ClientBase,
  batches: readonly PartitionBatch[],
  states: MachineStates,
  rulesOf: (tenant: string) => RuleIndex | undefined,
  nowMs: number,
): Promise<Outcome> {
  const evaluators = new Map<string, Evaluator>();
  const share = Math.ceil(MAX_TRANSITIONS / batches.length);
  const cuts: TakenUntil[] = [];
  let readings = 0;
  for (const { tenant, topic, partition, records, machines } of batches) {
    const rules = rulesOf(tenant);
    if (rules === undefined) continue;
    const seen = records
      .filter(({ headers }) => headers["source"] !== "import") // history must not ring today
      .map((record) => ({
        offset: record.offset,
        readings: readingsOf(record, machines).filter((one) => rules.concerns(one.type, one.machineId)),
      }));
    const machineIds = new Set(seen.flatMap((record) => record.readings.map(({ machineId }) => machineId)));
    if (machineIds.size === 0) continue;
    const memories = await states.of(tx, tenant, { topic, partition }, machineIds);
    const evaluator = evaluators.get(tenant) ?? new Evaluator(rules, nowMs);
    evaluators.set(tenant, evaluator);
    const fullAt = evaluator.transitions.length + share;
    for (const record of seen) {
      for (const reading of record.readings) {
        const memory = memories.get(reading.machineId);
        if (memory !== undefined) evaluator.take(reading, memory);
      }
      readings += record.readings.length;
      if (evaluator.transitions.length < fullAt) continue;
      if (record !== seen.at(-1)) cuts.push({ tenant, topic, partition, offset: record.offset + 1n });
      break;
    }
  }
  const all = [...evaluators.values()];
  const transitions = all.flatMap((one) => one.transitions);
  const countOf = (kind: AlertTransition["kind"]) => transitions.filter((one) => one.kind === kind).length;
  return {
    clocks: all.flatMap(({ clocks }) => clocks),
    states: all.flatMap((one) => one.states),
    transitions,
    cuts,
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
