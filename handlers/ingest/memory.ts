import type { ReadingType } from "../../model/reading.ts";

/** Some 10 MB. Known anew costs one more statement; unlimited, a sender that invents machines fills the process. */
const MAX_MACHINES = 100_000;

/**
 * What this process knows to be in the cell, so that it need not ask again. Keys begin with the tenant's topic
 * (`tenantTopicOf`), which is another when a tenant is made again. Forgotten as a whole whenever a position is not where it was left:
 * the database may have gone back in time (a failover), and what it knew with it.
 */
export class Memory {
  readonly #partitionDays = new Map<string, Set<number>>();
  /** `topic type machine site` */
  readonly #machines = new Set<string>();

  days(topic: string, type: ReadingType): Set<number> {
    const key = `${topic} ${type}`;
    const known = this.#partitionDays.get(key) ?? new Set();
    this.#partitionDays.set(key, known);
    return known;
  }

  hasMachine(key: string): boolean {
    return this.#machines.has(key);
  }

  addMachines(keys: readonly string[]): void {
    if (this.#machines.size + keys.length > MAX_MACHINES) this.#machines.clear();
    for (const key of keys) this.#machines.add(key);
  }

  forget(): void {
    this.#partitionDays.clear();
    this.#machines.clear();
  }
}
