/**
 * A row's origin in the log as one `bigint`: generation (8 bits) · partition (15) · offset (40), so it fits a
 * PostgreSQL `bigint` with the sign bit free. Never a JavaScript number: 2^53 is reached by generation 1.
 */
export interface LogReference {
  readonly generation: number;
  readonly partition: number;
  readonly offset: bigint;
}

const OFFSET_BITS = 40n;
const PARTITION_BITS = 15n;
export const MAX_GENERATION = 255;
export const MAX_PARTITION = 32_767;
export const MAX_OFFSET = (1n << OFFSET_BITS) - 1n;

/** @throws RangeError when a part does not fit: wrapping round would let two records share a reference. */
export function packLogRef({ generation, partition, offset }: LogReference): bigint {
  if (generation < 0 || generation > MAX_GENERATION)
    throw new RangeError(`generation ${generation} does not fit 8 bits`);
  if (partition < 0 || partition > MAX_PARTITION)
    throw new RangeError(`partition ${partition} does not fit 15 bits`);
  if (offset < 0n || offset > MAX_OFFSET) throw new RangeError(`offset ${offset} does not fit 40 bits`);
  return (((BigInt(generation) << PARTITION_BITS) | BigInt(partition)) << OFFSET_BITS) | offset;
}

export function unpackLogRef(ref: bigint): LogReference {
  return {
    generation: Number(ref >> (OFFSET_BITS + PARTITION_BITS)),
    partition: Number((ref >> OFFSET_BITS) & BigInt(MAX_PARTITION)),
    offset: ref & MAX_OFFSET,
  };
}
