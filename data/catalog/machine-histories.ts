import type pg from "pg";
import { CHANGE_DELAY_MS, type MachineHistory, type Period } from "../../model/machine-history.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { parseTopicName, tenantTopicOf } from "../../model/topic-name.ts";
import type { LogRecord } from "../event-log/event-log.ts";
import { inTransaction } from "../pool.ts";
import { lockMachines } from "./machine-registry.ts";

/** A tenant and its topic (`tenantTopicOf`). A tenant that is made again has another topic, and another history. */
export interface TenantTopic {
  readonly tenant: TenantId;
  readonly topic: string;
}

/** What a copy knows of a topic: the revision of its tenant; undefined for a topic that it does not have yet. */
export interface KnownTopic extends TenantTopic {
  readonly revision: bigint | undefined;
}

export interface HistoryChange {
  readonly topic: string;
  readonly revision: bigint;
  readonly history: MachineHistory;
}

/** The catalog at one instant. */
export interface Loaded {
  /** By the catalog's clock. Every change made before it is in. */
  readonly atMs: number;
  /** Of the topics that were asked for, those with another revision than is known. */
  readonly changes: readonly HistoryChange[];
}

export type LoadHistories = (known: readonly KnownTopic[]) => Promise<Loaded>;

/** By the tenant's topic. undefined: every machine's readings are taken, now and in the past */
export type HistoryOf = (topic: string) => MachineHistory | undefined;

/** Older than this a copy is renewed while it is still right, so that no batch waits for the catalog. */
const RENEW_AFTER_MS = 1_000;

/**
 * A process' copy of the machine histories. Loaded at catalog time L, it is right for records appended before L +
 * {@link CHANGE_DELAY_MS}, because what it cannot know yet becomes valid later than that.
 */
export class MachineHistories {
  readonly #load: LoadHistories;
  readonly #topics = new Map<string, KnownTopic>();
  readonly #histories = new Map<string, MachineHistory>();
  #loadedAtMs = -Infinity;
  #renewal: Promise<void> | undefined;

  constructor(load: LoadHistories) {
    this.#load = load;
  }

  /**
   * The histories for records of these topics, appended at `latestMs` at the latest. Waits for the catalog only when
   * the copy does not reach so far, or lacks a topic.
   * @throws MillwrightError `clock-skewed`, retryable, for records dated so far ahead of the catalog's clock that
   *   nobody can tell what will hold then
   */
  async until(latestMs: number, topics: readonly TenantTopic[]): Promise<HistoryOf> {
    for (const { tenant, topic } of topics)
      if (!this.#topics.has(topic)) this.#topics.set(topic, { tenant, topic, revision: undefined });
    const isEnough = () =>
      latestMs < this.#loadedAtMs + CHANGE_DELAY_MS &&
      topics.every(({ topic }) => this.#topics.get(topic)?.revision !== undefined);
    if (!isEnough()) await this.#renewal?.catch(() => undefined); // began before these topics were known, perhaps
    if (!isEnough()) await this.#renew();
    if (!isEnough())
      throw new MillwrightError("clock-skewed", "The log's clock runs ahead of the catalog's; check both.", {
        retryable: true,
      });
    // The copy still holds, so nobody waits; who needs a newer one hears of the failure.
    if (latestMs > this.#loadedAtMs + RENEW_AFTER_MS) this.#renew().catch(() => undefined);
    return (topic) => this.#histories.get(topic);
  }

  #renew(): Promise<void> {
    this.#renewal ??= this.#loadAll().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #loadAll(): Promise<void> {
    const asked = [...this.#topics.values()];
    const { atMs, changes } = await this.#load(asked);
    for (const { topic, history } of changes) this.#histories.set(topic, history);
    const revisions = new Map(changes.map(({ topic, revision }) => [topic, revision]));
    for (const known of asked) {
      const revision = revisions.get(known.topic) ?? known.revision ?? NO_REVISION;
      this.#topics.set(known.topic, { ...known, revision });
    }
    this.#loadedAtMs = atMs;
  }
}

/** Of a tenant that has never changed anything. */
const NO_REVISION = 0n;

/** The histories of the catalog. @param service - the catalog's pool that crosses tenants */
export function machineHistories(service: pg.Pool): MachineHistories {
  return new MachineHistories((known) => loadHistories(service, known));
}

/** The histories that a delivery of the log is to be decoded with. Topics of nobody's are left out. */
export async function historiesFor(
  machines: Pick<MachineHistories, "until">,
  records: readonly Pick<LogRecord, "topic" | "headers" | "appendedAtMs">[],
): Promise<HistoryOf> {
  const topics = new Set<string>();
  let latestMs = -Infinity;
  for (const record of records) {
    const topic = tenantTopicOf(record);
    if (topic !== undefined) topics.add(topic);
    latestMs = Math.max(latestMs, record.appendedAtMs);
  }
  const named = [...topics].flatMap((topic) => {
    const tenant = parseTopicName(topic)?.tenant;
    return tenant === undefined ? [] : [{ tenant, topic }];
  });
  return machines.until(latestMs, named);
}

interface LoadedRow {
  readonly atMs: number;
  readonly changes: readonly ChangeRow[];
}

interface ChangeRow {
  readonly topic: string;
  /** As text: JSON would round it. */
  readonly revision: string;
  readonly refusing: readonly WirePeriod[];
  readonly registered: readonly (readonly [machineId: string, ...WirePeriod])[];
}

type WirePeriod = readonly [fromMs: number, toMs: number | null];

/**
 * Lock first, read in a statement of its own: then every change that is not seen here is made, by its own clock, after
 * this one is read (see {@link lockMachines}).
 */
async function loadHistories(service: pg.Pool, known: readonly KnownTopic[]): Promise<Loaded> {
  const row = await inTransaction(service, async (tx) => {
    await lockMachines(tx, "shared");
    const { rows } = await tx.query<LoadedRow>(LOAD, [
      known.map(({ topic }) => topic),
      known.map(({ tenant }) => tenant),
      known.map(({ revision }) => revision ?? null),
    ]);
    return rows[0];
  });
  if (row === undefined) throw new RangeError("a query of one row answered none");
  return {
    atMs: row.atMs,
    changes: row.changes.map(({ topic, revision, refusing, registered }) => ({
      topic,
      revision: BigInt(revision),
      history: { refusing: refusing.map(periodOf), registered: periodsByMachine(registered) },
    })),
  };
}

const LOAD = `
  with changed as (
    select k.topic, r.tenant, r.revision
      from unnest($1::text[], $2::text[], $3::bigint[]) as k (topic, tenant, revision)
      join machine_revision r on r.tenant = k.tenant and r.revision is distinct from k.revision)
  select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as "atMs",
         (select coalesce(json_agg(json_build_object(
                   'topic', c.topic,
                   'revision', c.revision::text,
                   'refusing', array(
                     select json_build_array((extract(epoch from p.valid_from) * 1000)::bigint,
                                             (extract(epoch from p.valid_to) * 1000)::bigint)
                       from machine_refusal p where p.tenant = c.tenant),
                   'registered', array(
                     select json_build_array(p.machine_id, (extract(epoch from p.valid_from) * 1000)::bigint,
                                             (extract(epoch from p.valid_to) * 1000)::bigint)
                       from machine_registration p where p.tenant = c.tenant))), '[]')
            from changed c) as changes`;

function periodsByMachine(rows: ChangeRow["registered"]): MachineHistory["registered"] {
  const periods = new Map<string, Period[]>();
  for (const [machineId, ...period] of rows) {
    const known = periods.get(machineId);
    if (known === undefined) periods.set(machineId, [periodOf(period)]);
    else known.push(periodOf(period));
  }
  return periods;
}

function periodOf([fromMs, toMs]: WirePeriod): Period {
  return [fromMs, toMs ?? Infinity];
}
