import type pg from "pg";
import type { TakenRange } from "../../data/catalog/alert-position.ts";
import type { AlertTransition } from "../../data/catalog/alert-transition.ts";
import type { MachineClock, RuleState } from "../../data/catalog/rule-state.ts";
import type { LogRecord, Seek } from "../../data/event-log/event-log.ts";
import { EARLIEST_TIME_MS, MAX_CLOCK_LEAD_MS } from "../../model/decode-reading.ts";
import type { MachineHistory } from "../../model/machine-history.ts";
import { packLogRef } from "../../model/log-ref.ts";
import { trustedReading } from "../../model/quality.ts";
import type { TenantId } from "../../model/tenant.ts";
import { parseTopicName } from "../../model/topic-name.ts";
import { decodeValue } from "../decode-value.ts";
import { Evaluator, type PlacedReading } from "./evaluator.ts";
import type { MachineMemory } from "./machine-memory.ts";
import type { MachineStates } from "./machine-states.ts";
import type { RuleIndex } from "./rule-index.ts";

export interface OwnedRecord {
  readonly tenant: TenantId;
  readonly source: LogRecord;
  /** undefined: readings of every machine are taken */
  readonly machines: MachineHistory | undefined;
}

/** What a delivery brings of one partition: the records that have an owner, in offset order. */
export interface PartitionBatch extends TakenRange {
  readonly records: readonly OwnedRecord[];
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
  readonly cuts: readonly Seek[];
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
  const cuts: Seek[] = [];
  let readings = 0;
  for (const { topic, partition, records } of batches) {
    const seen = records.flatMap(({ tenant, source, machines }) => {
      const rules = rulesOf(tenant);
      if (rules === undefined || source.headers["source"] === "import") return []; // history must not ring today
      const concerned = readingsOf(source, machines).filter((one) => rules.concerns(one.type, one.machineId));
      return concerned.length === 0 ? [] : [{ tenant, rules, offset: source.offset, readings: concerned }];
    });
    const memories = new Map<string, ReadonlyMap<string, MachineMemory>>();
    for (const [tenant, own] of Map.groupBy(seen, (record) => record.tenant)) {
      const machineIds = new Set(own.flatMap((record) => record.readings.map(({ machineId }) => machineId)));
      memories.set(tenant, await states.of(tx, tenant, { topic, partition }, machineIds));
    }
    let transitionCount = 0;
    for (const record of seen) {
      const { tenant, rules, offset } = record;
      const evaluator = evaluators.get(tenant) ?? new Evaluator(rules, nowMs);
      evaluators.set(tenant, evaluator);
      const before = evaluator.transitions.length;
      for (const reading of record.readings) {
        const memory = memories.get(tenant)?.get(reading.machineId);
        if (memory !== undefined) evaluator.take(reading, memory);
      }
      readings += record.readings.length;
      transitionCount += evaluator.transitions.length - before;
      if (transitionCount < share) continue;
      if (record !== seen.at(-1)) cuts.push({ topic, partition, offset: offset + 1n });
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
