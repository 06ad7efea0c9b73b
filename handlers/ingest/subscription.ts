import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { historiesFor, type MachineHistories } from "../../data/catalog/machine-histories.ts";
import type { CellTopic } from "../../data/catalog/topic.ts";
import { heldTopics, readPosition } from "../../data/cell/log-position.ts";
import type {
  LogRecord,
  OffsetBounds,
  Seek,
  Subscription,
  TopicPartition,
} from "../../data/event-log/event-log.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { isShared, parseTopicName } from "../../model/topic-name.ts";
import { Memory } from "./memory.ts";
import { prepareBatch, type PreparedBatch } from "./prepare.ts";
import type { StoreOutcome } from "./process.ts";
import { SharedTopics } from "./shared-topics.ts";
import { storeSafely, type IngestAlarm } from "./store-safely.ts";

export interface IngestDeps {
  readonly cell: string;
  /** Of the cell, as its ingest login. */
  readonly pool: Pool;
  /** Topics placed in this cell now (`topicsOfCell`). */
  readonly topics: () => Promise<readonly CellTopic[]>;
  /** Whose readings are taken. */
  readonly machines: Pick<MachineHistories, "until">;
  readonly now: () => number;
  readonly alarm: (alarm: IngestAlarm) => void;
  /** `tenant` is the one whose position it is; undefined for a topic that is none of ours. */
  readonly outOfRange: (seek: Seek & { readonly tenant: TenantId | undefined }, bounds: OffsetBounds) => void;
  /** Called after each commit, for the meters of the process. */
  readonly stored: (outcome: StoreOutcome) => void;
}

/**
 * One transaction takes about so much of the log. Less: the fixed round trips weigh more. More: the next part is
 * decoded while this one is stored, so a batch of one part overlaps nothing, and a mover waits longer for the lock.
 */
const PART_BYTES = 1 << 20;
/** After an alarm a tenant is left alone for so long; then it is tried again, for somebody may have acted. */
const ALARM_PAUSE_MS = 30_000;
/** A batch in which everybody is fenced is delivered again at once; without a pause that would be a busy loop. */
const FENCED_PAUSE_MS = 50;
/** Lower: more rows are updated for nothing. Higher: a restart reads that much more again, and a flip waits for it. */
const QUIET_MOVE_MS = 2_000;

/** The consumer that fills one cell. */
export function ingestSubscription(deps: IngestDeps): Subscription {
  const memory = new Memory();
  const shared = new SharedTopics(deps.pool);
  let quietMovedAtMs = deps.now();
  const pausedUntilMs = new Map<TenantId, number>();
  let epochs = new Map<TenantId, bigint>();

  const isPaused = (tenant: TenantId) => (pausedUntilMs.get(tenant) ?? 0) > deps.now();
  const storeDeps = {
    pool: deps.pool,
    memory,
    epochOf: (tenant: TenantId) => (isPaused(tenant) ? undefined : epochs.get(tenant)),
    alarm: (alarm: IngestAlarm) => {
      pausedUntilMs.set(alarm.tenant, deps.now() + ALARM_PAUSE_MS);
      deps.alarm(alarm);
    },
  };

  /** @returns those that are not left alone */
  async function learnPlacements(): Promise<readonly CellTopic[]> {
    const placed = await deps.topics();
    epochs = new Map(placed.map(({ tenant, epoch }) => [tenant, epoch]));
    const active = placed.filter(({ tenant }) => !isPaused(tenant));
    await shared.follow(active.filter(({ topic }) => isShared(topic)));
    return active;
  }

  async function position({ topic, partition }: TopicPartition): Promise<bigint> {
    const tenant = parseTopicName(topic)?.tenant;
    const stored =
      tenant === undefined
        ? await shared.position({ topic, partition })
        : await readPosition(deps.pool, tenant, { topic, partition });
    if (stored === undefined)
      throw new MillwrightError("tenant-fenced", `Cell ${deps.cell} holds no position of ${topic}.`, {
        retryable: true,
      });
    return stored;
  }

  /** In a commit of its own: where a whole partition has fallen silent, none comes by. */
  async function moveQuiet(): Promise<void> {
    if (deps.now() - quietMovedAtMs < QUIET_MOVE_MS) return;
    quietMovedAtMs = deps.now();
    const tenants = shared.quiet();
    if (tenants.length === 0) return;
    const batch = { records: [], historyOf: () => undefined, tenants, gaps: [] };
    shared.apply(await storeSafely(storeDeps, batch));
  }

  return {
    group: `ingest-${deps.cell}`,

    async topics() {
      const active = await learnPlacements();
      const own = active.filter(({ topic }) => !isShared(topic)).map(({ topic }) => topic);
      // A topic without a position (a delete that stopped half way) would fail the assignment of all the others.
      const held = await heldTopics(deps.pool, own);
      await moveQuiet();
      return [...own.filter((topic) => held.has(topic)), ...shared.topics()];
    },

    position,
    seeks: () => shared.seeks(),

    outOfRange(seek, bounds) {
      const lost = isShared(seek.topic)
        ? shared.overtaken(seek, bounds)
        : [{ ...seek, tenant: parseTopicName(seek.topic)?.tenant }];
      for (const one of lost) deps.outOfRange(one, bounds);
    },

    async handle(delivered) {
      const { records, visits } = shared.take(delivered);
      const seeks = new Map<string, Seek>();
      let [takenCount, leftCount, isFenced] = [0, 0, false];
      const store = async (prepared: PreparedBatch) => {
        const outcome = await storeSafely(storeDeps, prepared);
        takenCount += outcome.taken.length;
        leftCount += outcome.left.length;
        isFenced ||= outcome.left.some((tenant) => !isPaused(tenant));
        shared.apply(outcome);
        for (const seek of [...outcome.seeks, ...prepared.gaps, ...leftSeeks(prepared, outcome)]) {
          if (isShared(seek.topic)) continue;
          const key = `${seek.topic} ${seek.partition}`;
          // Of a partition that stops twice in one delivery, the first place is the one to go on from.
          if (!seeks.has(key)) seeks.set(key, seek);
        }
        if (outcome.seeks.length > 0) memory.forget();
        deps.stored(outcome);
      };

      const historyOf = await historiesFor(deps.machines, records);
      // Our processor decodes on while the database's stores: a delivery is small enough to be held decoded whole.
      let stores = Promise.resolve();
      for (const part of partsOf(records)) {
        const prepared = await prepareBatch(part, historyOf);
        stores = stores.then(() => store(prepared));
        stores.catch(() => undefined); // awaited below; until then not a stray rejection
      }
      await stores;
      if (takenCount === 0 && leftCount > 0) await delay(FENCED_PAUSE_MS);
      // A flip is over for its tenant when consumers know the new epoch; the next look at all topics may be a second away.
      if (isFenced) await learnPlacements();
      return [...seeks.values(), ...shared.leave(visits)];
    },
  };
}

/** A tenant that left the commit is delivered again from where its records began. */
function leftSeeks({ tenants }: PreparedBatch, { left }: StoreOutcome): readonly Seek[] {
  const hasLeft = new Set(left);
  return tenants
    .filter(({ tenant }) => hasLeft.has(tenant))
    .flatMap(({ partitions }) =>
      partitions.map(({ range }) => ({
        topic: range.topic,
        partition: range.partition,
        offset: range.firstOffset,
      })),
    );
}

/** Cuts a delivery into parts of about {@link PART_BYTES}, each at least one record. */
function* partsOf(records: readonly LogRecord[]): Generator<readonly LogRecord[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, { value }] of records.entries()) {
    if (bytes > 0 && bytes + value.length > PART_BYTES) {
      yield records.slice(from, index);
      [from, bytes] = [index, 0];
    }
    bytes += value.length;
  }
  if (from < records.length) yield records.slice(from);
}
