import type { DirtyMark } from "../../data/cell/dirty-mark.ts";
import type { SeenMachine } from "../../data/cell/machine.ts";
import type { Usage } from "../../data/cell/usage.ts";
import type { DecodedRecord } from "./decode.ts";
import type { Memory } from "./memory.ts";
import type { PreparedTenant } from "./prepare.ts";

const MINUTE_MS = 60_000;

/** Usage per append minute and partition. */
export function usageOf(records: readonly DecodedRecord[]): readonly Usage[] {
  const usage = new Map<string, Usage>();
  for (const { tenant, topic, partition, appendedAtMs, readings, byteCount } of records) {
    const minuteMs = appendedAtMs - (appendedAtMs % MINUTE_MS);
    const key = `${topic} ${partition} ${minuteMs}`;
    const sum = usage.get(key) ?? { tenant, topic, partition, minuteMs, rowCount: 0, byteCount: 0 };
    usage.set(key, {
      ...sum,
      rowCount: sum.rowCount + readings.length,
      byteCount: sum.byteCount + byteCount,
    });
  }
  return [...usage.values()];
}

/** One mark for each hour of a machine that got a reading. */
export function dirtyMarksOf(records: readonly DecodedRecord[]): readonly DirtyMark[] {
  const marks = new Map<string, DirtyMark>();
  for (const { tenant, presences } of records) {
    for (const { type, machineId, hourMs } of presences) {
      marks.set(`${tenant} ${type} ${machineId} ${hourMs}`, { tenant, type, machineId, hourMs });
    }
  }
  return [...marks.values()];
}

/** A machine that this process has not written yet, and the record that brought it. */
export interface NewMachine extends SeenMachine {
  readonly key: string;
  readonly record: DecodedRecord;
}

/** Machines not in `memory`, for each record that brings them: which records are stored is not known yet. */
export function seenMachinesOf({ partitions }: PreparedTenant, memory: Memory): readonly NewMachine[] {
  const machines: NewMachine[] = [];
  for (const record of partitions.flatMap((partition) => partition.records)) {
    const { tenant, topic, logRef } = record;
    for (const { type, machineId, siteId } of record.presences) {
      const key = `${topic} ${type} ${machineId} ${siteId ?? ""}`;
      if (!memory.machines.has(key)) machines.push({ tenant, type, machineId, siteId, logRef, key, record });
    }
  }
  return machines;
}
