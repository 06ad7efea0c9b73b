/** A kind, and a length that counts itself. */
const HEADER_BYTES = 5;
const COPY_DATA = "d".charCodeAt(0);

export interface SplitFrames {
  /** CopyData, whole frames or parts of them, in order. */
  readonly data: readonly Buffer[];
  /** Of all other kinds. */
  readonly others: readonly Buffer[];
}

/**
 * Tells the data of a COPY apart from what else a server sends, without a look inside: pieces of the stream come out as
 * they are, so that a row costs no more than a look at its length.
 * @see "Message Formats" of PostgreSQL's protocol
 */
export class FrameSplitter {
  /** Of the frame under way. */
  #missingBytes = 0;
  #isData = false;
  /** The beginning of a header. */
  #rest: Buffer = Buffer.alloc(0);

  split(piece: Buffer): SplitFrames {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const parts = { data: [] as Buffer[], others: [] as Buffer[] };
    let [from, at] = [0, 0];
    const cut = () => {
      if (from < at) (this.#isData ? parts.data : parts.others).push(bytes.subarray(from, at));
      from = at;
    };
    for (;;) {
      const step = Math.min(this.#missingBytes, bytes.length - at);
      at += step;
      this.#missingBytes -= step;
      if (bytes.length - at < HEADER_BYTES || this.#missingBytes > 0) break;
      const isData = bytes[at] === COPY_DATA;
      if (isData !== this.#isData) cut();
      this.#isData = isData;
      this.#missingBytes = 1 + bytes.readUInt32BE(at + 1);
    }
    cut();
    this.#rest = bytes.subarray(at);
    return parts;
  }

  /** What has come of a frame whose kind is not known yet. */
  rest(): Buffer {
    return this.#rest;
  }
}
