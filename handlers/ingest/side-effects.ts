import type { DirtyMark } from "../../data/cell/dirty-mark.ts";
import type { SeenMachine } from "../../data/cell/machine.ts";
import type { Usage } from "../../data/cell/usage.ts";
import { tenantTopicOf } from "../../model/topic-name.ts";
import type { DecodedRecord } from "./decode.ts";
import type { Memory } from "./memory.ts";
import type { Presence } from "./presence.ts";
import { MINUTE_MS } from "../../model/duration.ts";

/** Usage per tenant, append minute and partition. */
export function usageOf(records: readonly DecodedRecord[]): readonly Usage[] {
  const usage = new Map<string, Metered>();
  let meter: Metered | undefined;
  for (const { tenant, source, rowCount, deadLetters } of records) {
    if (rowCount === 0 && deadLetters.length === 0) continue; // a tick of the log's own
    const { topic, partition, appendedAtMs, value } = source;
    const minuteMs = appendedAtMs - (appendedAtMs % MINUTE_MS);
    // Records come by partition and in order of time: one look-up for each change.
    if (
      meter?.minuteMs !== minuteMs ||
      meter.partition !== partition ||
      meter.topic !== topic ||
      meter.tenant !== tenant
    ) {
      const key = `${tenant} ${topic} ${partition} ${minuteMs}`;
      meter = usage.get(key) ?? { tenant, topic, partition, minuteMs, rowCount: 0, byteCount: 0 };
      usage.set(key, meter);
    }
    meter.rowCount += rowCount;
    meter.byteCount += value.length;
  }
  return [...usage.values()];
}

interface Metered extends Usage {
  rowCount: number;
  byteCount: number;
}

/** One mark for each hour of a machine that got a reading. */
export function dirtyMarksOf(records: readonly DecodedRecord[]): readonly DirtyMark[] {
  const marks = new Map<string, DirtyMark>();
  const seen = new Set<Presence>();
  for (const { tenant, presences } of records) {
    for (const presence of presences) {
      if (seen.has(presence)) continue;
      seen.add(presence);
      const { type, machineId, hourMs } = presence;
      marks.set(`${tenant} ${type} ${machineId} ${hourMs}`, { tenant, type, machineId, hourMs });
    }
  }
  return [...marks.values()];
}

/** A machine that this process has not written yet. */
export interface NewMachine extends SeenMachine {
  readonly key: string;
}

/** The machines of the records that are not in `memory`, each with the first record that brings it. */
export function newMachinesOf(records: readonly DecodedRecord[], memory: Memory): readonly NewMachine[] {
  const machines = new Map<string, NewMachine>();
  const seen = new Set<Presence>();
  for (const { tenant, source, logRef, presences } of records) {
    for (const presence of presences) {
      if (seen.has(presence)) continue;
      seen.add(presence);
      const { type, machineId, siteId } = presence;
      const key = `${tenantTopicOf(source) ?? ""} ${type} ${machineId} ${siteId ?? ""}`;
      if (!memory.hasMachine(key) && !machines.has(key))
        machines.set(key, { tenant, type, machineId, siteId, logRef, key });
    }
  }
  return [...machines.values()];
}
