import * as z from "zod";
import { EVENT_STREAMS, STREAMS, type TenantId } from "./tenant.ts";

/**
 * How long a record can be read. Shorter: a move that copies for days finds its position gone, and an outage over a long
 * weekend loses readings. Longer: a day at full rate is what the disk of a small machine holds several times, not many.
 */
export const LOG_RETENTION_MS = 7 * 86_400_000;

const topic = z.strictObject({
  topic: z.string(),
  stream: z.enum(STREAMS),
  partitions: z.int().min(1),
});

/** Topics as the catalog gave them to a tenant. */
export const tenantTopics = z.array(topic);
export type TenantTopics = z.infer<typeof tenantTopics>;

/** A tenant's part of the event log, as its stack says it: what its topics are made with, and for whom. */
export const tenantLog = z.strictObject({
  topics: z.array(topic.extend({ retentionMs: z.int().min(1) })),
  /** Names for ACLs where a tenant's own Kafka clients are let in; each prefix covers later generations too. */
  acl: z.strictObject({
    principal: z.string(),
    /** Topics to write to. */
    writePrefix: z.string(),
    /** Topics to read. */
    readPrefixes: z.array(z.string()),
    /** Consumer groups. */
    groupPrefix: z.string(),
  }),
});
export type TenantLog = z.infer<typeof tenantLog>;

/** An id has no dot, so `acme.` begins no name of another tenant, also not of one that is called `acme-2`. */
export function tenantLogOf(tenant: TenantId, topics: TenantTopics): TenantLog {
  return {
    topics: topics.map((made) => ({ ...made, retentionMs: LOG_RETENTION_MS })),
    acl: {
      principal: `User:${tenant}`,
      writePrefix: `${tenant}.readings.`,
      readPrefixes: EVENT_STREAMS.map((stream) => `${tenant}.${stream}.`),
      groupPrefix: `${tenant}.`,
    },
  };
}
