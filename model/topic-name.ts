import { SHARED, tenantId, topicName, type TenantId } from "./tenant.ts";

export interface TopicName {
  /** undefined: tenants share the topic */
  readonly tenant: TenantId | undefined;
  readonly stream: string;
  readonly generation: number;
}

/** Generations of a tenant's own topics. Those above are for shared ones: a tenant's rows never meet in a reference. */
export const MAX_OWN_GENERATION = 127;

/**
 * The topic for readings of tenants that have none of their own. So many processes can share its work; more partitions
 * would take another generation, for machines keep theirs.
 */
export const SHARED_READINGS = { topic: `${SHARED}.readings.g${MAX_OWN_GENERATION + 1}`, partitions: 8 };

/** `acme.readings.g1` in its parts; undefined for a topic that is not ours. A tenant's id has no dot. */
export function parseTopicName(topic: string): TopicName | undefined {
  const [, id, stream, generation] = /^([^.]+)\.([a-z]+)\.g(\d{1,3})$/.exec(topic) ?? [];
  if (stream === undefined) return undefined;
  const tenant = id === SHARED ? undefined : tenantId.safeParse(id);
  return tenant?.success === false
    ? undefined
    : { tenant: tenant?.data, stream, generation: Number(generation) };
}

export function isShared(topic: string): boolean {
  return topic.startsWith(`${SHARED}.`);
}

/**
 * Headers of a record in a shared topic, written by our entrances only: whoever has a Kafka login of its own has a topic
 * of its own. The generation tells a tenant from a former one of the same id, whose records the log may still hold.
 */
export function ownerHeaders(tenant: TenantId, generation: number): Readonly<Record<string, string>> {
  return { tenant, generation: String(generation) };
}

/**
 * The topic of a record's tenant: the one that the record is in or, in a shared topic, the one that its headers stand
 * for. No two tenants that ever were have the same. undefined: of nobody, such as a tick of the log's own.
 */
export function tenantTopicOf(record: {
  readonly topic: string;
  readonly headers: Readonly<Record<string, string>>;
}): string | undefined {
  const { topic, headers } = record;
  if (!isShared(topic)) return topic;
  const { tenant, generation } = headers;
  if (tenant === undefined || generation === undefined) return undefined;
  return topicName(tenant as TenantId, "readings", Number(generation));
}
