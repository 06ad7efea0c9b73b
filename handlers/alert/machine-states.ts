import type pg from "pg";
import { loadMachines, type MachineKey } from "../../data/catalog/rule-state.ts";
import type { TopicPartition } from "../../data/event-log/event-log.ts";
import type { ConditionState } from "../../model/alert-state.ts";
import type { ReadingType } from "../../model/reading.ts";

/** What the engine knows of one machine; changed in memory by the evaluation, in the catalog by its transaction. */
export interface MachineMemory {
  readonly clocks: Map<ReadingType, number>;
  /** By rule id; no entry means normal. */
  readonly states: Map<string, { readonly version: bigint; readonly state: ConditionState }>;
}

/** The states of the machines seen lately, by partition: a partition's states are dropped together. */
export class MachineStates {
  readonly #partitions = new Map<string, Map<string, MachineMemory>>();

  /** Memories of the given machines, read from the catalog where they are not cached. */
  async of(
    tx: pg.ClientBase,
    partition: TopicPartition,
    machines: readonly MachineKey[],
  ): Promise<ReadonlyMap<string, MachineMemory>> {
    const key = keyOf(partition);
    const cached = this.#partitions.get(key) ?? new Map<string, MachineMemory>();
    this.#partitions.set(key, cached);
    const missing = machines.filter(({ machineId }) => !cached.has(machineId));
    if (missing.length > 0) {
      const { clocks, states } = await loadMachines(tx, missing);
      for (const { machineId } of missing) cached.set(machineId, { clocks: new Map(), states: new Map() });
      for (const { machineId, type, newestAtMs } of clocks)
        cached.get(machineId)?.clocks.set(type, newestAtMs);
      for (const { machineId, rule, version, state } of states) {
        cached.get(machineId)?.states.set(rule, { version, state });
      }
    }
    return cached;
  }

  drop(partition: TopicPartition): void {
    this.#partitions.delete(keyOf(partition));
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
