import type { LogRecord } from "../../data/event-log/event-log.ts";
import type { WireReading } from "../../model/reading.ts";
import { topicName, type TenantId } from "../../model/tenant.ts";
import { ownerHeaders, SHARED_READINGS } from "../../model/topic-name.ts";

/** Append time of hand-made records: a fixed instant, so that decisions by time are the same in every run. */
export const APPENDED_AT_MS = Date.UTC(2026, 10, 21, 10, 0, 0);

export function machineReading(facts: Partial<WireReading> = {}): WireReading {
  return {
    type: "machine",
    machineId: "m-001",
    siteId: "site-1",
    ts: "2026-11-21T09:59:00.000Z",
    values: { state: "running", power_watts: 1500.5, temperature_c: 61.2, cycle_count: 42 },
    ...facts,
  };
}

/** A record of the tenant's topic as the log gives it. */
export function logRecord(
  tenant: TenantId,
  partition: number,
  offset: number | bigint,
  value: Buffer | readonly unknown[] = [machineReading()],
  facts: Partial<LogRecord> = {},
): LogRecord {
  return {
    topic: topicName(tenant, "readings", 1),
    partition,
    offset: BigInt(offset),
    coversFrom: BigInt(offset),
    appendedAtMs: APPENDED_AT_MS,
    headers: {},
    value: Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
    ...facts,
  };
}

/** A record of the tenant in a partition of the shared topic. @param generation - of the tenant */
export function sharedRecord(
  tenant: TenantId,
  partition: number,
  offset: number | bigint,
  { generation = 1, ...facts }: Partial<LogRecord> & { readonly generation?: number } = {},
): LogRecord {
  const { topic } = SHARED_READINGS;
  const headers = ownerHeaders(tenant, generation);
  return logRecord(tenant, partition, offset, undefined, { topic, headers, ...facts });
}
