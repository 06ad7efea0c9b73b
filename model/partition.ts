import type { WireReading } from "./reading.ts";

/** Where a tenant's records go. */
export interface RecordTarget {
  readonly topic: string;
  readonly partitions: number;
  /** Put on every record. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the machine's id where its partition is chosen: in a shared topic every tenant may have an `m-001`. */
  readonly keyPrefix?: string;
}

/** A record of readings, as the log takes it. */
export interface ReadingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A JSON array of wire readings. */
  readonly value: Buffer;
}

/** A reading of a body that has the right form. One that is refused for its time keeps its place, and is not sent. */
export interface PlacedReading {
  readonly reading: WireReading;
  readonly isAccepted: boolean;
}

export const MAX_READINGS_PER_RECORD = 1_000;
export const MAX_RECORD_BYTES = 512 * 1024;

/**
 * Groups readings by the partition of their machine, in the order of the body, and cuts each group into records.
 * `part` numbers the records of a body. Groups, cuts and numbers depend on the body alone, not on the time of the
 * call: a reading that was refused as too early and is accepted in a repeated call must not shift the others into
 * other parts, which would then be stored twice.
 */
export function recordsOf(readings: readonly PlacedReading[], target: RecordTarget): ReadingRecord[] {
  const { partitions, keyPrefix = "" } = target;
  const open = new Map<number, Part>();
  const parts: Part[] = [];
  for (const { reading, isAccepted } of readings) {
    const partition = partitionOf(keyPrefix + reading.machineId, partitions);
    const json = JSON.stringify(reading);
    const bytes = Buffer.byteLength(json) + 1; // with its comma or bracket
    let part = open.get(partition);
    if (
      part === undefined ||
      part.count === MAX_READINGS_PER_RECORD ||
      part.bytes + bytes > MAX_RECORD_BYTES
    ) {
      part = { partition, count: 0, bytes: 1, accepted: [] };
      open.set(partition, part);
      parts.push(part);
    }
    part.count += 1;
    part.bytes += bytes;
    if (isAccepted) part.accepted.push(json);
  }
  return parts.flatMap(({ partition, accepted }, part) =>
    accepted.length === 0
      ? []
      : [
          {
            topic: target.topic,
            partition,
            headers: { ...target.headers, part: String(part) },
            value: Buffer.from(`[${accepted.join()}]`),
          },
        ],
  );
}

interface Part {
  readonly partition: number;
  count: number;
  bytes: number;
  readonly accepted: string[];
}

/** Readings of one machine stay in order, so they share a partition: FNV-1a of its id. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % partitions;
}
