import { expect } from "chai";
import fc from "fast-check";
import { GrowingBuffer } from "../../../automation/http/growing-buffer.ts";
import { seed } from "../../support/seed.ts";

describe(`a growing buffer (seed ${seed})`, () => {
  it("holds the pieces in their order, and no more than twice their bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (arrays) => {
        const pieces = arrays.map((array) => Buffer.from(array));
        const growing = new GrowingBuffer();
        for (const piece of pieces) {
          growing.add(piece);
          piece.fill(0xff); // whoever brought it may use it again
        }
        const expected = Buffer.concat(arrays);
        expect(growing.bytes).to.deep.equal(expected);
        expect(growing.bytes.buffer.byteLength).to.be.at.most(2 * expected.length);
      }),
      { seed },
    );
  });
});
