import type { Queryable } from "../pool.ts";
import { SYSTEM_EVENTS_TOPIC } from "../../model/system-event.ts";
import type { TenantId } from "../../model/tenant.ts";

/** A topic in the hands of one publisher. */
export interface LeasedTopic {
  readonly topic: string;
  /** null: the platform's own */
  readonly tenant: string | null;
  readonly partitions: number;
}

/** A tenant's topic of dead letters. */
export interface LetterTopic extends LeasedTopic {
  readonly tenant: TenantId;
}

interface LeaseTerms {
  /** Names this publisher: it can give back only what is still its own. */
  readonly holder: string;
  readonly leaseMs: number;
  readonly limit: number;
}

/**
 * Takes topics of alerts and of the platform that have something to publish and that nobody holds. A holder that dies
 * lets go when its lease runs out, and what it had not confirmed is published again.
 */
export async function leaseTopics(
  db: Queryable,
  { holder, leaseMs, limit }: LeaseTerms,
): Promise<readonly LeasedTopic[]> {
  const { rows } = await db.query<LeasedTopic>({
    name: "publication-lease",
    text: leaseOf(`
      select o.topic, o.tenant, o.partitions from topic o
       where o.stream = 'alerts' and exists (select from alert_event e where e.tenant = o.tenant)
      union all
      select $4, null, 1 where exists (select from system_event where published_at is null)`),
    values: [holder, leaseMs, limit, SYSTEM_EVENTS_TOPIC],
  });
  return rows;
}

/** The same of the topics of dead letters of these tenants. */
export async function leaseLetterTopics(
  db: Queryable,
  tenants: readonly TenantId[],
  { holder, leaseMs, limit }: LeaseTerms,
): Promise<readonly LetterTopic[]> {
  const { rows } = await db.query<LetterTopic>({
    name: "letter-lease",
    text: leaseOf(
      "select topic, tenant, partitions from topic where stream = 'deadletters' and tenant = any($4::text[])",
    ),
    values: [holder, leaseMs, limit, tenants],
  });
  return rows;
}

/** @param waiting - SQL of the topics that have something to publish; $1 to $3 are taken */
function leaseOf(waiting: string): string {
  // A lease that a crash of the server forgets means one more publication under the same ids. By lot: by name, a few
  // tenants that always have something would keep the others waiting. Leases are then taken in one order (40P01).
  return `with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
          waiting as (${waiting}),
          free as materialized (
            select w.* from relaxed, waiting w
             where not exists (select from publication_lease l where l.topic = w.topic and l.expires_at > clock_timestamp())
             order by random() limit $3),
          leased as (
            insert into publication_lease as l (topic, tenant, holder, expires_at)
            select topic, tenant, $1, clock_timestamp() + $2 * interval '1 ms' from free order by topic
            on conflict (topic) do update set holder = excluded.holder, expires_at = excluded.expires_at
             where l.expires_at <= clock_timestamp()
            returning topic)
          select topic, tenant, partitions from leased join free using (topic)`;
}

export async function releaseTopic(db: Queryable, topic: string, holder: string): Promise<void> {
  await db.query("delete from publication_lease where topic = $1 and holder = $2", [topic, holder]);
}

/** Keeps the topic from everybody for a while: it cannot be written to now. */
export async function restTopic(
  db: Queryable,
  topic: string,
  { holder, restMs }: { readonly holder: string; readonly restMs: number },
): Promise<void> {
  await db.query(
    "update publication_lease set expires_at = clock_timestamp() + $3 * interval '1 ms' where topic = $1 and holder = $2",
    [topic, holder, restMs],
  );
}
