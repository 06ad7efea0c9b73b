/**
 * Bytes that come in pieces, copied as they come. Kept as they are, pieces of one byte (a chunked body may have millions)
 * would weigh some 300 bytes each, and each would hold on to the block that it was read with.
 */
export class GrowingBuffer {
  #room = Buffer.alloc(0);
  #length = 0;

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length));
      this.#room.copy(grown, 0, 0, this.#length);
      this.#room = grown;
    }
    piece.copy(this.#room, this.#length);
    this.#length = length;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }
}
