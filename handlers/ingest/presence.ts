import type { Reading, ReadingType } from "../../model/reading.ts";
import type { PlacedReading } from "../decode-value.ts";
import { HOUR_MS } from "../../model/duration.ts";

/** That a machine reported within an hour. The side tables ask no more of a reading. */
export interface Presence {
  readonly type: ReadingType;
  readonly machineId: string;
  readonly siteId: string | undefined;
  /** Start of the hour of the readings, milliseconds since the epoch. */
  readonly hourMs: number;
}

interface Entry {
  readonly presence: Presence;
  /** The record that it was seen in last. */
  record: number;
}

/**
 * The presences of a run of records, one object for each however many records bring it: thousands of records of one
 * reading each name the same few machines, and whoever goes on with them compares objects, not strings.
 */
export class Presences {
  readonly #byMachine = new Map<string, Entry[]>();
  #record = 0;

  /** Those of the next record, each once. */
  ofRecord(readings: readonly PlacedReading[]): readonly Presence[] {
    this.#record += 1;
    const presences: Presence[] = [];
    for (const { reading } of readings) {
      const entry = this.#entryOf(reading);
      if (entry.record === this.#record) continue;
      entry.record = this.#record;
      presences.push(entry.presence);
    }
    return presences;
  }

  #entryOf({ type, machineId, siteId, timeMs }: Reading): Entry {
    const hourMs = timeMs - (timeMs % HOUR_MS);
    let entries = this.#byMachine.get(machineId);
    if (entries === undefined) this.#byMachine.set(machineId, (entries = []));
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i];
      if (
        entry?.presence.hourMs === hourMs &&
        entry.presence.type === type &&
        entry.presence.siteId === siteId
      )
        return entry;
    }
    const entry = { presence: { type, machineId, siteId, hourMs }, record: 0 };
    entries.push(entry);
    return entry;
  }
}
