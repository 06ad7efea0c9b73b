import type pg from "pg";
import {
  advanceAlertPositions,
  alertPosition,
  holdAlertPosition,
  makeDurable,
} from "../../data/catalog/alert-position.ts";
import {
  delayMsOf,
  markCommitted,
  saveTransitions,
  type AlertTransition,
} from "../../data/catalog/alert-transition.ts";
import { holdRules, ruleRevisions, rulesInForce } from "../../data/catalog/rule.ts";
import {
  duePartitions,
  dueStates,
  saveClocks,
  saveStates,
  type DuePartition,
} from "../../data/catalog/rule-state.ts";
import { readingsTopics } from "../../data/catalog/topic.ts";
import type {
  EventLog,
  LogRecord,
  OffsetBounds,
  Seek,
  Subscription,
} from "../../data/event-log/event-log.ts";
import { inTransaction } from "../../data/pool.ts";
import { pause } from "../../data/wait.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { stageLatencies, type StageLatencies } from "../../model/alert-latency.ts";
import { deadlineMs, elapse } from "../../model/alert-state.ts";
import type { RuleInForce } from "../../model/rule.ts";
import { parseTopicName } from "../../model/topic-name.ts";
import { evaluateBatch, transitionOf, type Outcome, type PartitionBatch } from "./evaluation.ts";
import { MachineStates } from "./machine-states.ts";
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
  readonly observe?: AlertObserver;
  readonly now?: () => number;
}

export interface AlertEngine {
  readonly subscription: Subscription;
  /** Ends the delays of machines that send no more; runs until `signal` aborts. */
  readonly runTimers: (signal: AbortSignal) => Promise<void>;
}

const TIMER_PERIOD_MS = 200;

interface TenantRules {
  readonly revision: bigint;
  readonly rules: readonly RuleInForce[];
}

/**
 * Evaluates the tenants' rules on the log. Positions, clocks, states, alerts and the outbox change in one transaction
 * per batch, so a kill at any point leaves a batch wholly done or wholly to do. States are cached in memory by
 * partition; a cache is right as long as the stored position is the one that this process wrote last, which the
 * compare-and-set proves in each transaction. After any error it is dropped.
 */
export function alertEngine({ pool, log, observe = {}, now = Date.now }: AlertEngineDeps): AlertEngine {
  const states = new MachineStates();
  const rulesOf = new Map<string, TenantRules>();

  async function handle(records: readonly LogRecord[]): Promise<readonly Seek[]> {
    const startedAt = performance.now();
    const batches = partitionBatches(records);
    try {
      const { counts, transitions } = await inTransaction(pool, (tx) => takeBatches(tx, batches));
      await stampCommit(transitions);
      observe.onBatch?.({ durationMs: performance.now() - startedAt, ...counts });
      return [];
    } catch (error) {
      for (const batch of batches) states.drop(batch);
      if (!hasCode(error, "position-taken")) throw error;
      // All of it was rolled back: each partition goes on where the other consumer has left it.
      return Promise.all(batches.map(async (batch) => ({ ...seekOf(batch), offset: await position(batch) })));
    }
  }

  /** Round trips in a quiet batch: begin, positions, rule revisions, clocks, commit; 2 more for clients' batch ids. */
  async function takeBatches(tx: pg.PoolClient, batches: readonly PartitionBatch[]): Promise<Outcome> {
    await advanceAlertPositions(tx, batches);
    const tenants = [...new Set(batches.map(({ tenant }) => tenant))];
    await refreshRules(tx, tenants, await ruleRevisions(tx, tenants));
    const isRuled = ({ tenant }: PartitionBatch) => (rulesOf.get(tenant)?.rules.length ?? 0) > 0;
    const outcome = await evaluateBatch(
      tx,
      await withoutRepeats(tx, batches.filter(isRuled)),
      states,
      (tenant) => rulesOf.get(tenant)?.rules ?? [],
      now(),
    );
    await saveClocks(tx, outcome.clocks);
    await save(tx, outcome);
    return outcome;
  }

  async function save(tx: pg.PoolClient, outcome: Pick<Outcome, "states" | "transitions">): Promise<void> {
    await saveStates(tx, outcome.states);
    if (outcome.transitions.length === 0) return;
    await makeDurable(tx);
    await expectRules(tx, outcome.transitions);
    await saveTransitions(tx, outcome.transitions);
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
    for (const tenant of changed) {
      const revision = revisions.get(tenant);
      if (revision === undefined) rulesOf.delete(tenant);
      else rulesOf.set(tenant, { revision, rules: rules.get(tenant) ?? [] });
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
    return alertPosition(pool, tenantOf(partition.topic), partition);
  }

  /**
   * Ends delays whose deadline lies before the log's horizon, once everything below the horizon is evaluated: an outage
   * of ours must not look like a silent machine. The transitions are those that the machine's next reading would have
   * brought, under the same ids, so it does no harm when both come, in whatever process.
   */
  async function endDelays(due: DuePartition): Promise<void> {
    const horizon = await log.horizon(due);
    const transitions = await inTransaction(pool, async (tx) => {
      const { topic, partition } = due;
      if (!(await holdAlertPosition(tx, due.tenant, { topic, partition, offset: horizon.end }))) return [];
      await refreshRules(tx, [due.tenant], await ruleRevisions(tx, [due.tenant]));
      const rules = new Map(rulesOf.get(due.tenant)?.rules.map((rule) => [rule.id, rule]));
      const clock = { timeMs: -Infinity, appendedAtMs: horizon.atMs };
      const ended = (await dueStates(tx, due, horizon.atMs)).flatMap((stored) => {
        const rule = rules.get(stored.rule);
        if (rule?.version !== stored.version) return [];
        const step = elapse(stored.state, rule.condition, clock);
        const { tenant, machineId } = stored;
        const change = { ...stored, state: step.state, deadlineMs: deadlineMs(step.state, rule.condition) };
        return [
          {
            change,
            transitions: step.transitions.map((one) => transitionOf(tenant, rule, machineId, one, now())),
          },
        ];
      });
      const outcome = {
        states: ended.map(({ change }) => change),
        transitions: ended.flatMap((one) => one.transitions),
      };
      await save(tx, outcome);
      return outcome.transitions;
    });
    await stampCommit(transitions);
    states.drop(due);
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
      while (!signal.aborted) {
        try {
          for (const due of await duePartitions(pool)) await endDelays(due);
        } catch (error) {
          observe.onError?.(error); // the next round tries again
        }
        await pause(TIMER_PERIOD_MS, signal);
      }
    },
  };
}

function partitionBatches(records: readonly LogRecord[]): PartitionBatch[] {
  const groups = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
  return [...groups.values()].flatMap((own) => {
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return [];
    const { topic, partition, coversFrom: firstOffset } = first;
    const tenant = tenantOf(topic);
    return [{ tenant, topic, partition, firstOffset, nextOffset: last.offset + 1n, records: own }];
  });
}

/** Identity comes from the topic, never from the payload. */
function tenantOf(topic: string): string {
  const name = parseTopicName(topic);
  if (name === undefined) throw new MillwrightError("topic-unknown", `'${topic}' is no topic of a tenant.`);
  return name.tenant;
}

const seekOf = ({ topic, partition }: PartitionBatch) => ({ topic, partition });
