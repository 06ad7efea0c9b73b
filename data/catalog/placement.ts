import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { FlipPlacement } from "../../model/flip.ts";
import {
  EVENT_STREAMS,
  STREAMS,
  tenantNames,
  topicName,
  type Placement,
  type Stream,
  type TenantId,
  type TenantState,
} from "../../model/tenant.ts";
import { MAX_OWN_GENERATION, SHARED_READINGS } from "../../model/topic-name.ts";
import type { Queryable } from "../pool.ts";
import type { Tenant } from "./tenant.ts";

interface TenantTopic {
  readonly topic: string;
  readonly stream: Stream;
  /** Of the tenant, among those that had its id. */
  readonly generation: number;
  readonly partitions: number;
}

/** Where a tenant's series live, and the topics that lead there. */
export interface TenantPlacement extends Placement {
  readonly state: FlipPlacement["state"];
  readonly tenantState: TenantState;
  /** Whether the engine may have made something of the tenant's stack. */
  readonly hasStack: boolean;
  /** How often the passwords that the stack makes were made anew. */
  readonly rotation: number;
  readonly topics: readonly TenantTopic[];
}

const SELECT = `select p.tenant, p.cell, p.database, p.schema, p.epoch, p.state, t.state as "tenantState", p.has_stack as "hasStack", p.rotation,
       (select coalesce(jsonb_agg(jsonb_build_object('topic', o.topic, 'stream', o.stream,
                 'generation', o.generation, 'partitions', o.partitions) order by o.topic), '[]')
          from topic o where o.tenant = p.tenant) as topics
  from tenant_placement p join tenant t using (tenant)`;

/** Database of every cell; a tenant is a schema in it. */
const DATABASE = "readings";

/**
 * Two partitions let one tenant's readings use both cores of a small machine. Fewer bind it to one; more cost a position
 * and a commit each, also for a tenant with three machines. Events are rare, and one partition keeps them in order.
 */
const PARTITIONS = { readings: 2, alerts: 1, deadletters: 1 } satisfies Record<Stream, number>;

/** So many epochs has one life of a tenant: a writer that was stopped in a former life finds itself behind the fence. */
const EPOCHS_PER_GENERATION = 1_000_000;

/** In any state; undefined until the create has placed the tenant. */
export async function placementOf(db: Queryable, tenant: TenantId): Promise<TenantPlacement | undefined> {
  const { rows } = await db.query<TenantPlacement>(`${SELECT} where p.tenant = $1`, [tenant]);
  return rows[0];
}

/** Gives the tenant its place and its topics. Placing again changes nothing. */
export async function placeTenant(
  tx: pg.PoolClient,
  { id: tenant, topic: kind }: Pick<Tenant, "id" | "topic">,
  cell: string,
): Promise<void> {
  if ((await placementOf(tx, tenant)) !== undefined) return;
  const generation = await nextGeneration(tx, tenant);
  const epoch = (generation - 1) * EPOCHS_PER_GENERATION + 1;
  await tx.query(
    `insert into tenant_placement (tenant, cell, database, schema, epoch, state)
     values ($1, $2, $3, $4, $5, 'building')`,
    [tenant, cell, DATABASE, tenantNames(tenant).schema, epoch],
  );
  for (const stream of STREAMS) {
    const shared = stream === "readings" && kind === "shared" ? SHARED_READINGS : {};
    await addTopic(tx, { ...topicOf(tenant, stream, generation), ...shared });
  }
}

/** @throws MillwrightError `no-capacity` */
async function nextGeneration(tx: pg.PoolClient, tenant: TenantId): Promise<number> {
  const { rows } = await tx.query<{ last_generation: number }>(
    `insert into topic_generation as g (tenant, last_generation) values ($1, 1)
     on conflict (tenant) do update set last_generation = g.last_generation + 1 where g.last_generation < $2
     returning last_generation`,
    [tenant, MAX_OWN_GENERATION],
  );
  const generation = rows[0]?.last_generation;
  if (generation !== undefined) return generation;
  const message = `The id ${tenant} was created ${MAX_OWN_GENERATION} times; choose another one.`;
  throw new MillwrightError("no-capacity", message);
}

function topicOf(tenant: TenantId, stream: Stream, generation: number) {
  const topic = topicName(tenant, stream, generation);
  return { tenant, topic, stream, generation, partitions: PARTITIONS[stream] };
}

export async function addTopic(
  db: Queryable,
  topic: TenantTopic & { readonly tenant: TenantId },
): Promise<void> {
  await db.query(
    "insert into topic (topic, tenant, stream, generation, partitions) values ($1, $2, $3, $4, $5) on conflict do nothing",
    [topic.topic, topic.tenant, topic.stream, topic.generation, topic.partitions],
  );
}

/**
 * The topics of events that tenants lack who were placed before there were any: of the generation of their readings, so
 * that all come and go together.
 */
export async function missingEventTopics(
  service: Queryable,
): Promise<readonly (TenantTopic & { readonly tenant: TenantId })[]> {
  const { rows } = await service.query<{ tenant: TenantId; stream: Stream; generation: number }>(
    `select r.tenant, wanted.stream, r.generation
       from topic r cross join unnest($1::text[]) wanted(stream)
      where r.stream = 'readings'
        and not exists (select from topic e where e.tenant = r.tenant and e.stream = wanted.stream)
      order by r.tenant, wanted.stream`,
    [EVENT_STREAMS],
  );
  return rows.map(({ tenant, stream, generation }) => topicOf(tenant, stream, generation));
}

/** Before the engine's first `up`: from now on a delete has something to destroy. */
export async function markStackBegun(tx: Queryable, tenant: TenantId): Promise<void> {
  await tx.query("update tenant_placement set has_stack = true where tenant = $1", [tenant]);
}

/** Never back: to a stack, any other number asks for other passwords. */
export async function setRotation(tx: Queryable, tenant: TenantId, rotation: number): Promise<void> {
  await tx.query("update tenant_placement set rotation = $2 where tenant = $1 and rotation < $2", [
    tenant,
    rotation,
  ]);
}

export async function makePlacementStable(tx: Queryable, tenant: TenantId): Promise<void> {
  await tx.query("update tenant_placement set state = 'stable' where tenant = $1", [tenant]);
  await notifyPlacementChanged(tx, tenant);
}

/** Wakes who follows placements when the transaction commits. */
export async function notifyPlacementChanged(tx: Queryable, tenant: TenantId): Promise<void> {
  await tx.query("select pg_notify('placement_changed', $1)", [tenant]);
}
