import type { ReadingType } from "../../model/reading.ts";

/**
 * What this process knows to be in the cell, so that it need not ask again. Keys begin with the topic, whose
 * generation changes when a tenant is made again. Forgotten as a whole whenever a position is not where it was left:
 * the database may have gone back in time (a failover), and what it knew with it.
 */
export class Memory {
  readonly #partitionDays = new Map<string, Set<number>>();
  /** `topic type machine site` */
  readonly machines = new Set<string>();

  days(topic: string, type: ReadingType): Set<number> {
    const key = `${topic} ${type}`;
    const known = this.#partitionDays.get(key) ?? new Set();
    this.#partitionDays.set(key, known);
    return known;
  }

  forget(): void {
    this.#partitionDays.clear();
    this.machines.clear();
  }
}
