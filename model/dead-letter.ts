import { MAX_GENERATION, MAX_OFFSET, MAX_PARTITION, packLogRef, unpackLogRef } from "./log-ref.ts";
import { REFUSED_REASONS } from "./refused-record.ts";

export const DEAD_LETTER_REASONS = [...REFUSED_REASONS, "batch-id-reused", "database-refused"] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/**
 * `open`: nobody has looked after it. `replayed`: its readings went into the log again, under its id. `discarded`:
 * somebody decided that they are not wanted. Only an open letter changes, and only by a person.
 */
export const DEAD_LETTER_STATES = ["open", "replayed", "discarded"] as const;
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number];

/** Days that a letter can be read and replayed, counted from when the cell got it. */
export const DEAD_LETTER_DAYS = 30;

/** The place of a dead letter in the log: a record, or one reading of it. At most one letter comes from a place. */
export interface LetterPlace {
  readonly logRef: bigint;
  /** undefined: the whole record */
  readonly ordinal: number | undefined;
}

const MAX_ORDINAL = 32_767;

/** generation.partition.offset, and the ordinal of a single reading: the same in whatever database the letter lies. */
export function letterId({ logRef, ordinal }: LetterPlace): string {
  const { generation, partition, offset } = unpackLogRef(logRef);
  return [generation, partition, offset, ...(ordinal === undefined ? [] : [ordinal])].join(".");
}

/** undefined for what {@link letterId} cannot have made */
export function parseLetterId(id: string): LetterPlace | undefined {
  const [, generation, partition, offset, ordinal] =
    /^(\d{1,3})\.(\d{1,5})\.(\d{1,13})(?:\.(\d{1,5}))?$/.exec(id) ?? [];
  if (generation === undefined || partition === undefined || offset === undefined) return undefined;
  const reference = { generation: Number(generation), partition: Number(partition), offset: BigInt(offset) };
  const place = { ordinal: ordinal === undefined ? undefined : Number(ordinal) };
  const fits =
    reference.generation <= MAX_GENERATION &&
    reference.partition <= MAX_PARTITION &&
    reference.offset <= MAX_OFFSET &&
    (place.ordinal ?? 0) <= MAX_ORDINAL;
  return fits ? { logRef: packLogRef(reference), ...place } : undefined;
}

/** Neither a client's key nor a machine's id begins like this, so no machine can use up the id of a replay. */
export const REPLAY_PREFIX = "!replay/";

/** The batch id of a replayed letter: the reference that it came with first (PROTOCOLS §2). */
export function replayBatchId(place: LetterPlace): string {
  return REPLAY_PREFIX + letterId(place);
}

/** A replay is remembered for as long as its letter can be replayed, other batches for a day. */
export function isReplay(batchId: string): boolean {
  return batchId.startsWith(REPLAY_PREFIX);
}
