/** Reads Kafka's primitive types one after the other. https://kafka.apache.org/protocol#protocol_types */
export class WireReader {
  readonly #buffer: Buffer;
  /** Where the next read begins. */
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.at = at;
  }

  int16(): number {
    this.at += 2;
    return this.#buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.#buffer.readInt32BE(this.at - 4);
  }

  int64(): bigint {
    this.at += 8;
    return this.#buffer.readBigInt64BE(this.at - 8);
  }

  string(): string {
    const length = this.int16();
    this.at += length;
    return this.#buffer.toString("utf8", this.at - length, this.at);
  }

  /** Elements behind their count; none of a null array. */
  array<T>(read: () => T): T[] {
    const elements: T[] = [];
    for (let left = this.int32(); left > 0; left--) elements.push(read());
    return elements;
  }

  /** Behind its length in 32 bits; empty for null. */
  bytes(): Buffer {
    return this.take(this.int32());
  }

  /** Zigzag, at most 32 bits. */
  varint(): number {
    const first = this.#buffer[this.at++] ?? 0;
    let bits = first & 0x7f;
    if (first >= 0x80) {
      let byte: number;
      let shift = 7;
      do {
        byte = this.#buffer[this.at++] ?? 0;
        bits |= (byte & 0x7f) << shift;
        shift += 7;
      } while (byte >= 0x80);
    }
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** Zigzag of 64 bits as a number: exact up to 2^53, which times in milliseconds do not reach. */
  varlong(): number {
    let bits = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = this.#buffer[this.at++] ?? 0;
      bits += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2;
  }

  /** Shares the memory; empty for null (a length of -1). */
  take(length: number): Buffer {
    const from = this.at;
    if (length > 0) this.at += length;
    return this.#buffer.subarray(from, this.at);
  }
}
