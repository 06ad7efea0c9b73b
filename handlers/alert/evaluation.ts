import { createHash } from "node:crypto";
import type pg from "pg";
import type { TakenRange } from "../../data/catalog/alert-position.ts";
import type { AlertTransition } from "../../data/catalog/alert-transition.ts";
import type { MachineClock, RuleState } from "../../data/catalog/rule-state.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { deadlineMs, evaluate, NORMAL, type Start, type Transition } from "../../model/alert-state.ts";
import { packLogRef } from "../../model/log-ref.ts";
import type { Reading } from "../../model/reading.ts";
import { trustedReading } from "../../model/quality.ts";
import type { RuleInForce } from "../../model/rule.ts";
import { parseTopicName } from "../../model/topic-name.ts";
import { decodeValue } from "../decode-value.ts";
import type { MachineMemory, MachineStates } from "./machine-states.ts";

/** Records of one partition, in offset order. */
export interface PartitionBatch extends TakenRange {
  readonly records: readonly LogRecord[];
}

export interface Outcome {
  readonly clocks: readonly MachineClock[];
  readonly states: readonly RuleState[];
  readonly transitions: readonly AlertTransition[];
  readonly counts: {
    readonly readings: number;
    /** Older than the newest of the same machine and type: stored by ingest, of no effect here. */
    readonly late: number;
    readonly raised: number;
    readonly returned: number;
  };
}

interface Seen {
  readonly reading: Reading;
  readonly record: LogRecord;
  readonly ordinal: number;
}

/** Runs the rules over the batches, reading states that are not in memory; writes nothing. */
export async function evaluateBatch(
  tx: pg.ClientBase,
  batches: readonly PartitionBatch[],
  states: MachineStates,
  rulesOf: (tenant: string) => readonly RuleInForce[],
  nowMs: number,
): Promise<Outcome> {
  const clocks = new Map<string, MachineClock>();
  const changes = new Map<string, RuleState>();
  const transitions: AlertTransition[] = [];
  let readings = 0;
  let late = 0;

  for (const batch of batches) {
    const rules = rulesOf(batch.tenant);
    if (rules.length === 0) continue;
    const seen = batch.records
      .filter(({ headers }) => headers["source"] !== "import") // history must not ring today
      .flatMap((record) => readingsOf(record))
      .filter(({ reading }) => rules.some((rule) => concerns(rule, reading)));
    if (seen.length === 0) continue;

    const { tenant, topic, partition } = batch;
    const machineIds = [...new Set(seen.map(({ reading }) => reading.machineId))];
    const memories = await states.of(
      tx,
      batch,
      machineIds.map((machineId) => ({ tenant, machineId })),
    );
    for (const one of seen) {
      const { machineId, type, timeMs } = one.reading;
      const memory = memories.get(machineId);
      if (memory === undefined) continue;
      readings += 1;
      const newestAtMs = memory.clocks.get(type);
      if (newestAtMs !== undefined && timeMs < newestAtMs) {
        late += 1;
        continue;
      }
      memory.clocks.set(type, timeMs);
      clocks.set(`${tenant}/${machineId}/${type}`, { tenant, machineId, type, newestAtMs: timeMs });
      for (const rule of rules) {
        const step = applyRule(rule, one, memory);
        if (step === undefined) continue;
        const { state } = step;
        const { id, version } = rule;
        const change = { tenant, topic, partition, machineId, rule: id, version, state };
        changes.set(`${tenant}/${id}/${machineId}`, {
          ...change,
          deadlineMs: deadlineMs(state, rule.condition),
        });
        for (const transition of step.transitions) {
          transitions.push(transitionOf(tenant, rule, machineId, transition, nowMs));
        }
      }
    }
  }
  const raised = transitions.filter(({ kind }) => kind === "raised").length;
  const counts = { readings, late, raised, returned: transitions.length - raised };
  return { clocks: [...clocks.values()], states: [...changes.values()], transitions, counts };
}

/**
 * The id is made of the reading that began the condition. A delay may run out by a reading or by the clock, in a first
 * run or in a replay: the alert is the same one.
 */
export function transitionOf(
  tenant: string,
  rule: RuleInForce,
  machineId: string,
  transition: Transition,
  evaluatedAtMs: number,
): AlertTransition {
  const { logRef, ordinal } = transition.alert;
  const identity = [tenant, rule.id, rule.version, machineId, rule.condition.kind, logRef, ordinal].join("/");
  const alertId = createHash("sha256").update(identity).digest("hex").slice(0, 32);
  return { ...transition, tenant, rule, machineId, alertId, evaluatedAtMs };
}

/** Evaluates one rule and remembers its new state; undefined when nothing changed. */
function applyRule(rule: RuleInForce, { reading, record, ordinal }: Seen, memory: MachineMemory) {
  const value = reading.values[rule.metric];
  if (typeof value !== "number" || !concerns(rule, reading)) return undefined;
  // In force for what is appended from its making on: rows stored before are not evaluated, however late we read them.
  if (record.appendedAtMs < rule.validFromMs) return undefined;
  const stored = memory.states.get(rule.id);
  const before = stored?.version === rule.version ? stored.state : NORMAL;
  const step = evaluate(before, rule.condition, startOf(reading, record, ordinal, value));
  if (step.state === before) return undefined;
  memory.states.set(rule.id, { version: rule.version, state: step.state });
  return step;
}

function startOf(reading: Reading, record: LogRecord, ordinal: number, value: number): Start {
  const { topic, partition, offset, appendedAtMs, headers } = record;
  const generation = parseTopicName(topic)?.generation ?? 0;
  const producedAtMs = Number(headers["produced-at"]);
  return {
    timeMs: reading.timeMs,
    appendedAtMs,
    value,
    producedAtMs: Number.isSafeInteger(producedAtMs) && producedAtMs > 0 ? producedAtMs : null,
    logRef: packLogRef({ generation, partition, offset }).toString(),
    ordinal,
  };
}

function concerns({ type, machines }: RuleInForce, reading: Reading): boolean {
  return type === reading.type && (machines === undefined || machines.has(reading.machineId));
}

/** What cannot be read, or is dated beyond the tolerance, is a dead letter of ingest's and nothing to an alert; nor is a bad value. */
function readingsOf(record: LogRecord): Seen[] {
  const { readings } = decodeValue(record);
  return readings.map(({ reading, ordinal }) => ({ reading: trustedReading(reading), record, ordinal }));
}
