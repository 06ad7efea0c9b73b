import type pg from "pg";
import { loadMachines, type MachineKey } from "../../data/catalog/rule-state.ts";
import type { TopicPartition } from "../../data/event-log/event-log.ts";
import { MachineMemory } from "./machine-memory.ts";

/**
 * Machines of a tenant and partition in memory, about 1 kB each. Lower, and a plant with more of them has their states read with every
 * batch; higher, and a sender that invents machines takes that much more from its neighbours.
 */
const MAX_MACHINES = 10_000;

/** The states of the machines seen lately, by partition and tenant: a partition's states are dropped together. */
export class MachineStates {
  readonly #partitions = new Map<string, Map<string, Map<string, MachineMemory>>>();

  /** Memories of the given machines, read from the catalog where they are not cached. */
  async of(
    tx: pg.ClientBase,
    tenant: string,
    partition: TopicPartition,
    machineIds: Iterable<string>,
  ): Promise<ReadonlyMap<string, MachineMemory>> {
    const key = keyOf(partition);
    const tenants = this.#partitions.get(key) ?? new Map<string, Map<string, MachineMemory>>();
    this.#partitions.set(key, tenants);
    let machines = tenants.get(tenant);
    if (machines === undefined || machines.size > MAX_MACHINES)
      tenants.set(tenant, (machines = new Map<string, MachineMemory>()));
    const missing = [...machineIds].filter((machineId) => !machines.has(machineId));
    for (const [machineId, memory] of await readMachines(tx, tenant, partition, missing))
      machines.set(machineId, memory);
    return machines;
  }

  drop(partition: TopicPartition): void {
    this.#partitions.delete(keyOf(partition));
  }

  /** The tenant's rules have changed: with them came or went states that are not in memory. */
  dropTenant(tenant: string): void {
    for (const tenants of this.#partitions.values()) tenants.delete(tenant);
  }
}

/** As the catalog has them now. */
export async function readMachines(
  tx: pg.ClientBase,
  tenant: string,
  { topic, partition }: TopicPartition,
  machineIds: readonly string[],
): Promise<ReadonlyMap<string, MachineMemory>> {
  if (machineIds.length === 0) return new Map();
  const keys: MachineKey[] = machineIds.map((machineId) => ({ tenant, machineId }));
  const { clocks, states } = await loadMachines(tx, keys);
  const memories = new Map(
    keys.map((key) => [key.machineId, new MachineMemory({ ...key, topic, partition })] as const),
  );
  for (const { machineId, type, last, latest } of clocks)
    memories.get(machineId)?.clocks.set(type, { last, latest });
  for (const { machineId, rule, version, state } of states)
    memories.get(machineId)?.recall(rule, { version, state });
  return memories;
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
