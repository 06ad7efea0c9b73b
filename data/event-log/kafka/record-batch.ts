import { MillwrightError } from "../../../model/errors.ts";
import type { LogRecord, TopicPartition } from "../event-log.ts";
import { WireReader } from "./wire-reader.ts";

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface DecodedBatches {
  /** Each covers what lies between it and the one before; the first one from where the reading began. */
  readonly records: LogRecord[];
  /** Behind everything that was seen, also what is no record of ours. */
  readonly next: bigint;
}

// Where the fields of a batch are: https://kafka.apache.org/documentation/#recordbatch
const LENGTH_AT = 8;
const LENGTH_END = 12; // the length counts what comes from here on
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const FIRST_TIME_AT = 27;
const MAX_TIME_AT = 35;
const PRODUCER_AT = 43;
const COUNT_AT = 57;
const HEAD_BYTES = 61;

const MAGIC = 2; // since Kafka 0.11
const COMPRESSION_BITS = 0x07;
const APPEND_TIME_BIT = 0x08;
const TRANSACTIONAL_BIT = 0x10;
const CONTROL_BIT = 0x20;

/**
 * Decodes what was fetched of a partition straight into records: kafkajs's own decoder makes a text of each offset, a
 * Long of each time and an object of each header, and the processor's time for a record of one reading went there.
 *
 * @param set - batches as the broker stores them; the last one may be cut off, and is left to the next fetch
 * @param from - the offset that was asked for: a batch is sent whole, also to who has read half of it
 * @throws MillwrightError `log-unavailable` for batches that we do not read; no topic that we make has such
 */
export function decodeBatches(
  place: TopicPartition,
  set: Buffer,
  from: bigint,
  aborted: readonly AbortedTransaction[],
): DecodedBatches {
  const transactions = new Transactions(aborted);
  const records: LogRecord[] = [];
  let next = from;
  for (let start = 0, end: number; start + HEAD_BYTES <= set.length; start = end) {
    end = start + LENGTH_END + set.readInt32BE(start + LENGTH_AT);
    if (end > set.length) break;
    const batch = set.subarray(start, end);
    const attributes = batch.readInt16BE(ATTRIBUTES_AT);
    if (batch[MAGIC_AT] !== MAGIC || (attributes & COMPRESSION_BITS) !== 0) throw unreadable(place);
    const lastOffset = batch.readBigInt64BE(0) + BigInt(batch.readInt32BE(LAST_DELTA_AT));
    const producerId = batch.readBigInt64BE(PRODUCER_AT);
    transactions.reach(lastOffset);
    if ((attributes & CONTROL_BIT) !== 0) transactions.end(producerId);
    else if ((attributes & TRANSACTIONAL_BIT) === 0 || !transactions.isAborted(producerId))
      decodeRecords(place, batch, from, records);
    if (lastOffset >= next) next = lastOffset + 1n;
  }
  return { records, next };
}

/** Appends the records at `from` and behind it to `records`. */
function decodeRecords(
  { topic, partition }: TopicPartition,
  batch: Buffer,
  from: bigint,
  records: LogRecord[],
) {
  const isAppendTime = (batch.readInt16BE(ATTRIBUTES_AT) & APPEND_TIME_BIT) !== 0;
  const timeMs = Number(batch.readBigInt64BE(isAppendTime ? MAX_TIME_AT : FIRST_TIME_AT));
  const firstOffset = batch.readBigInt64BE(0);
  const last = records.at(-1);
  let coversFrom = last === undefined ? from : last.offset + 1n;
  const reader = new WireReader(batch, HEAD_BYTES);
  const headers = new HeaderReader(batch);
  for (let left = batch.readInt32BE(COUNT_AT); left > 0; left--) {
    const end = reader.varint() + reader.at;
    reader.at += 1; // attributes: none are defined
    const timeDeltaMs = reader.varlong();
    const offset = firstOffset + BigInt(reader.varint());
    reader.take(reader.varint()); // the key: what it says stands in the value
    const value = reader.take(reader.varint());
    if (offset >= from) {
      const appendedAtMs = isAppendTime ? timeMs : timeMs + timeDeltaMs;
      const texts = headers.read(reader.at, end);
      records.push({ topic, partition, offset, coversFrom, appendedAtMs, headers: texts, value });
      coversFrom = offset + 1n;
    }
    reader.at = end;
  }
}

/** Records of one producer mostly have the same headers: one object for all that follow each other with equal bytes. */
class HeaderReader {
  readonly #batch: Buffer;
  #bytes: Buffer = Buffer.alloc(0);
  #texts: LogRecord["headers"] = {};

  constructor(batch: Buffer) {
    this.#batch = batch;
  }

  read(from: number, end: number): LogRecord["headers"] {
    if (!this.#isSame(from, end)) {
      this.#bytes = this.#batch.subarray(from, end);
      this.#texts = decodeHeaders(this.#bytes);
    }
    return this.#texts;
  }

  #isSame(from: number, end: number): boolean {
    const known = this.#bytes;
    if (known.length !== end - from) return false;
    for (let i = 0; i < known.length; i++) if (known[i] !== this.#batch[from + i]) return false;
    return true;
  }
}

/** Of a header that stands there several times the first one counts. */
function decodeHeaders(bytes: Buffer): LogRecord["headers"] {
  const reader = new WireReader(bytes);
  const entries: [name: string, text: string][] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.take(reader.varint()).toString();
    entries.push([name, reader.take(reader.varint()).toString()]);
  }
  return Object.fromEntries(entries.reverse());
}

/** Which producers are in a transaction that will be aborted, at the offset reached. */
class Transactions {
  readonly #ahead: AbortedTransaction[];
  readonly #aborting = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    // they come in the order of their ends
    this.#ahead = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  }

  reach(offset: bigint): void {
    while (this.#ahead[0] !== undefined && this.#ahead[0].firstOffset <= offset)
      this.#aborting.add(this.#ahead.shift()?.producerId ?? -1n);
  }

  isAborted(producerId: bigint): boolean {
    return this.#aborting.has(producerId);
  }

  /** At the mark that ends a producer's transaction, whichever way. */
  end(producerId: bigint): void {
    this.#aborting.delete(producerId);
  }
}

function unreadable({ topic, partition }: TopicPartition): MillwrightError {
  const message = `${topic}/${partition} holds records that are compressed or older than Kafka 0.11.`;
  return new MillwrightError("log-unavailable", message, { retryable: true });
}
