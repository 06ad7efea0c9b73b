import type { Pool } from "pg";
import { dayOf, ensurePartitions } from "../../data/cell/partitions.ts";
import type { ReadingType } from "../../model/reading.ts";
import { tenantTopicOf } from "../../model/topic-name.ts";
import type { Memory } from "./memory.ts";
import type { PreparedBatch, PreparedTenant } from "./prepare.ts";
import type { Presence } from "./presence.ts";
import { TenantFailure } from "./process.ts";

/** Makes the partitions that a batch's readings fall into, where this process does not know that they are there. */
export async function makeRoom(pool: Pool, memory: Memory, batch: PreparedBatch): Promise<void> {
  for (const { tenant, partitions } of batch.tenants) {
    for (const [key, days] of missingDays(partitions, memory)) {
      const { topic, type } = key;
      try {
        await ensurePartitions(pool, tenant, type, [...days]);
      } catch (error) {
        throw new TenantFailure(tenant, error);
      }
      const known = memory.days(topic, type);
      for (const day of days) known.add(day);
    }
  }
}

function missingDays(partitions: PreparedTenant["partitions"], memory: Memory) {
  const missing = new Map<string, readonly [{ topic: string; type: ReadingType }, Set<number>]>();
  const seen = new Set<Presence>();
  for (const { source, presences } of partitions.flatMap(({ records }) => records)) {
    const topic = tenantTopicOf(source) ?? "";
    for (const presence of presences) {
      if (seen.has(presence)) continue;
      seen.add(presence);
      const { type, hourMs } = presence;
      const day = dayOf(hourMs);
      if (memory.days(topic, type).has(day)) continue;
      const entry = missing.get(`${topic} ${type}`) ?? ([{ topic, type }, new Set<number>()] as const);
      entry[1].add(day);
      missing.set(`${topic} ${type}`, entry);
    }
  }
  return [...missing.values()];
}
