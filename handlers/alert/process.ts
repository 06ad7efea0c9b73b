import type pg from "pg";
import {
  advanceAlertPositions,
  alertPosition,
  holdAlertPosition,
  makeDurable,
  withdrawAlertPositions,
} from "../../data/catalog/alert-position.ts";
import {
  delayMsOf,
  markCommitted,
  saveTransitions,
  type AlertTransition,
} from "../../data/catalog/alert-transition.ts";
import { historiesFor, machineHistories, type HistoryOf } from "../../data/catalog/machine-histories.ts";
import { machinesOutOfService } from "../../data/catalog/out-of-service.ts";
import { holdRules, ruleRevisions } from "../../data/catalog/rule-revision.ts";
import { rulesInForce } from "../../data/catalog/rule.ts";
import {
  duePartitions,
  dueStates,
  saveClocks,
  saveStates,
  type DuePartition,
} from "../../data/catalog/rule-state.ts";
import { readingsTopics } from "../../data/catalog/topic.ts";
import {
  comesFrom,
  type EventLog,
  type Horizon,
  type LogRecord,
  type OffsetBounds,
  type Seek,
  type Subscription,
} from "../../data/event-log/event-log.ts";
import { inTransaction } from "../../data/pool.ts";
import { pause } from "../../data/wait.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { stageLatencies, type StageLatencies } from "../../model/alert-latency.ts";
import { FLOOD, type FloodLimits } from "../../model/incident.ts";
import { parseTopicName, tenantTopicOf } from "../../model/topic-name.ts";
import {
  evaluateBatch,
  MAX_TRANSITIONS,
  type OwnedRecord,
  type Outcome,
  type PartitionBatch,
} from "./evaluation.ts";
import { Evaluator } from "./evaluator.ts";
import { MachineStates, readMachines } from "./machine-states.ts";
import { RuleIndex } from "./rule-index.ts";
import { withoutRepeats } from "./repeats.ts";

/** What is worth measuring; all optional. */
export interface AlertObserver {
  readonly onBatch?: (batch: { readonly durationMs: number } & Outcome["counts"]) => void;
  /** An alert is durable: its stages so far. */
  readonly onRaised?: (raised: { readonly tenant: string; readonly latencyMs: StageLatencies }) => void;
  /** A partition stopped, because its position lies outside the log: an alarm for the people who run the platform. */
  readonly onOutOfRange?: (seek: Seek, bounds: OffsetBounds) => void;
  readonly onError?: (error: unknown) => void;
}

export interface AlertEngineDeps {
  /** The catalog, as its service role. */
  readonly pool: pg.Pool;
  readonly log: Pick<EventLog, "horizon">;
  /** How many alerts within which time are a flood. */
  readonly flood?: FloodLimits;
  readonly observe?: AlertObserver;
  readonly now?: () => number;
}

export interface AlertEngine {
  readonly subscription: Subscription;
  /** Ends the delays of machines that send no more, and finds the silent ones; runs until `signal` aborts. */
  readonly runTimers: (signal: AbortSignal) => Promise<void>;
}

const TIMER_PERIOD_MS = 200;

interface TenantRules {
  readonly revision: bigint;
  readonly rules: RuleIndex;
}

/**
 * Evaluates the tenants' rules on the log. Positions, clocks, states, alerts and the outbox change in one transaction
 * per batch, so a kill at any point leaves a batch wholly done or wholly to do. States are cached in memory by
 * partition; a cache is right as long as the stored position is the one that this process wrote last, which the
 * compare-and-set proves in each transaction; what another process' timers change meanwhile, the next reading changes
 * alike. After any error, and with the tenant's rules, it is dropped.
 */
export function alertEngine(deps: AlertEngineDeps): AlertEngine {
  const { pool, log, flood = FLOOD, observe = {}, now = Date.now } = deps;
  const states = new MachineStates();
  const machines = machineHistories(pool);
  const rulesOf = new Map<string, TenantRules>();

  async function handle(records: readonly LogRecord[]): Promise<readonly Seek[]> {
    const startedAt = performance.now();
    const batches = partitionBatches(records, await historiesFor(machines, records));
    try {
      const { counts, transitions, cuts } = await inTransaction(pool, (tx) => takeBatches(tx, batches));
      await stampCommit(transitions);
      observe.onBatch?.({ durationMs: performance.now() - startedAt, ...counts });
      return cuts; // what others have sent meanwhile comes with the rest of them
    } catch (error) {
      for (const batch of batches) states.drop(batch);
      if (!hasCode(error, "position-taken")) throw error;
      // All of it was rolled back: each partition goes on where the other consumer has left it.
      return Promise.all(batches.map(async (batch) => ({ ...seekOf(batch), offset: await position(batch) })));
    }
  }

  /**
   * Takes the batches, each as far as its share of transitions reaches. Round trips in a quiet batch: begin, positions,
   * rule revisions, clocks, commit; 2 more for clients' batch ids.
   */
  async function takeBatches(tx: pg.PoolClient, batches: readonly PartitionBatch[]): Promise<Outcome> {
    await advanceAlertPositions(tx, batches);
    const tenants = [...new Set(batches.flatMap(({ records }) => records.map(({ tenant }) => tenant)))];
    await refreshRules(tx, tenants, await ruleRevisions(tx, tenants));
    const isRuled = ({ tenant }: OwnedRecord) => rulesOf.get(tenant)?.rules.isEmpty === false;
    const ruled = batches.map((batch) => ({ ...batch, records: batch.records.filter(isRuled) }));
    const fresh = await withoutRepeats(
      tx,
      ruled.filter(({ records }) => records.length > 0),
    );
    const outcome = await evaluateBatch(
      tx,
      fresh.batches,
      states,
      (tenant) => rulesOf.get(tenant)?.rules,
      now(),
    );
    await fresh.remember((record) => !outcome.cuts.some((cut) => comesFrom(cut, record)));
    await withdrawAlertPositions(tx, outcome.cuts);
    await saveClocks(tx, outcome.clocks);
    await save(tx, outcome);
    return outcome;
  }

  async function save(tx: pg.PoolClient, outcome: Pick<Outcome, "states" | "transitions">): Promise<void> {
    await saveStates(tx, outcome.states);
    if (outcome.transitions.length === 0) return;
    await makeDurable(tx);
    await expectRules(tx, outcome.transitions);
    await saveTransitions(tx, outcome.transitions, flood);
  }

  /** In a transaction of its own, after the one that raised them; a stamp that fails costs a figure and no alert. */
  async function stampCommit(transitions: readonly AlertTransition[]): Promise<void> {
    const committedAtMs = now();
    const raised = transitions.filter(({ kind }) => kind === "raised");
    if (raised.length === 0) return;
    for (const transition of raised) {
      const { producedAtMs: produced, appendedAtMs: appended } = transition.alert;
      const times = { produced, appended, committed: committedAtMs, notified: null };
      const latencyMs = stageLatencies(
        { ...times, evaluated: transition.evaluatedAtMs },
        delayMsOf(transition),
      );
      observe.onRaised?.({ tenant: transition.tenant, latencyMs });
    }
    await markCommitted(pool, raised, committedAtMs).catch((error: unknown) => observe.onError?.(error));
  }

  /** Reads rules again where the revision has changed since the last batch. */
  async function refreshRules(
    tx: pg.PoolClient,
    tenants: readonly string[],
    revisions: ReadonlyMap<string, bigint>,
  ): Promise<void> {
    const changed = tenants.filter((tenant) => rulesOf.get(tenant)?.revision !== revisions.get(tenant));
    if (changed.length === 0) return;
    const rules = await rulesInForce(tx, changed);
    const machines = await machinesOutOfService(tx, changed);
    for (const tenant of changed) {
      states.dropTenant(tenant);
      const revision = revisions.get(tenant);
      if (revision === undefined) rulesOf.delete(tenant);
      else {
        const index = new RuleIndex(rules.get(tenant) ?? [], machines.get(tenant) ?? new Set());
        rulesOf.set(tenant, { revision, rules: index });
      }
    }
  }

  /** @throws MillwrightError `internal`, retryable, when a rule has changed since this batch read it */
  async function expectRules(tx: pg.PoolClient, transitions: readonly AlertTransition[]): Promise<void> {
    const held = await holdRules(tx, [...new Set(transitions.map(({ tenant }) => tenant))]);
    for (const [tenant, revision] of held) {
      if (rulesOf.get(tenant)?.revision === revision) continue;
      rulesOf.delete(tenant);
      throw new MillwrightError("internal", "A rule changed while it was evaluated.", { retryable: true });
    }
  }

  async function position(partition: {
    readonly topic: string;
    readonly partition: number;
  }): Promise<bigint> {
    states.drop(partition); // assigned anew: another process may have been at work meanwhile
    const name = parseTopicName(partition.topic);
    if (name === undefined)
      throw new MillwrightError("topic-unknown", `'${partition.topic}' is no topic of a tenant.`);
    return alertPosition(pool, name.tenant, partition);
  }

  /**
   * Ends delays and silences whose deadline lies before the log's horizon, once everything below the horizon is
   * evaluated: an outage of ours must not look like a silent machine. The transitions are those that the machine's next
   * reading would have brought, under the same ids, so it does no harm when both come, in whatever process.
   */
  async function endDelays(due: DuePartition, horizon: Horizon): Promise<void> {
    const { isChanged, transitions } = await inTransaction(pool, async (tx) => {
      const { tenant, topic, partition } = due;
      const nothing = { isChanged: false, transitions: [] };
      if (!(await holdAlertPosition(tx, { topic, partition, offset: horizon.end }))) return nothing;
      await refreshRules(tx, [tenant], await ruleRevisions(tx, [tenant]));
      const rules = rulesOf.get(tenant)?.rules;
      if (rules === undefined) return nothing;
      const stored = await dueStates(tx, due, horizon.atMs, MAX_TRANSITIONS); // the rest in the next round
      const machineIds = new Set(stored.map(({ machineId }) => machineId));
      const memories = await readMachines(tx, tenant, due, [...machineIds]);
      const evaluator = new Evaluator(rules, now());
      for (const memory of memories.values()) evaluator.elapse(memory, horizon.atMs);
      const elapsed = evaluator.states.length > 0;
      for (const { machineId, rule } of stored) evaluator.rearm(rule, memories.get(machineId));
      await save(tx, evaluator);
      return { isChanged: elapsed, transitions: evaluator.transitions };
    });
    await stampCommit(transitions);
    if (isChanged) states.drop(due);
  }

  /** Of the tenants that share a partition: one horizon for all, and none keeps the delays of others from ending. */
  async function endAll(due: readonly DuePartition[], report: (error: unknown) => void): Promise<void> {
    const [first] = due;
    if (first === undefined) return;
    const horizon = await log.horizon(first);
    for (const one of due) await endDelays(one, horizon).catch(report);
  }

  return {
    subscription: {
      group: "alert",
      topics: () => readingsTopics(pool),
      position,
      handle,
      outOfRange: (seek, bounds) => observe.onOutOfRange?.(seek, bounds),
    },
    async runTimers(signal) {
      const report = (error: unknown) => observe.onError?.(error); // the next round tries again
      while (!signal.aborted) {
        try {
          // A topic that is gone, or a partition without a leader, must not keep the delays of others from ending.
          const due = Map.groupBy(
            await duePartitions(pool),
            ({ topic, partition }) => `${topic}/${partition}`,
          );
          for (const ofPartition of due.values()) await endAll(ofPartition, report).catch(report);
        } catch (error) {
          report(error);
        }
        await pause(TIMER_PERIOD_MS, signal);
      }
    },
  };
}

function partitionBatches(records: readonly LogRecord[], historyOf: HistoryOf): PartitionBatch[] {
  const groups = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
  const ownerOf = ownersOf(historyOf);
  return [...groups.values()].flatMap((own) => {
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return [];
    const { topic, partition, coversFrom: firstOffset } = first;
    const owned = own.flatMap((source): OwnedRecord[] => {
      const owner = ownerOf(source);
      return owner === undefined ? [] : [{ ...owner, source }];
    });
    return [{ topic, partition, firstOffset, nextOffset: last.offset + 1n, records: owned }];
  });
}

/** Identity comes from the topic or, where it is shared, from what our entrances wrote; never from the payload. */
function ownersOf(historyOf: HistoryOf): (record: LogRecord) => Omit<OwnedRecord, "source"> | undefined {
  const owners = new Map<string, Omit<OwnedRecord, "source"> | undefined>();
  return (record) => {
    const tenantTopic = tenantTopicOf(record);
    if (tenantTopic === undefined) return undefined;
    if (!owners.has(tenantTopic)) {
      const tenant = parseTopicName(tenantTopic)?.tenant;
      owners.set(tenantTopic, tenant && { tenant, machines: historyOf(tenantTopic) });
    }
    return owners.get(tenantTopic);
  };
}

const seekOf = ({ topic, partition }: PartitionBatch) => ({ topic, partition });
