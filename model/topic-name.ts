import { tenantId, type TenantId } from "./tenant.ts";

export interface TopicName {
  readonly tenant: TenantId;
  readonly stream: string;
  readonly generation: number;
}

/** `acme.readings.g1` in its parts; undefined for a topic that is not ours. A tenant's id has no dot. */
export function parseTopicName(topic: string): TopicName | undefined {
  const [, id, stream, generation] = /^([^.]+)\.([a-z]+)\.g(\d{1,3})$/.exec(topic) ?? [];
  const tenant = tenantId.safeParse(id);
  return tenant.success && stream !== undefined
    ? { tenant: tenant.data, stream, generation: Number(generation) }
    : undefined;
}
