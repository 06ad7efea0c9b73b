import { expect } from "chai";
import fc from "fast-check";
import { MAX_GENERATION, MAX_OFFSET, MAX_PARTITION, packLogRef, unpackLogRef } from "../../model/log-ref.ts";
import { seed } from "../support/seed.ts";

const anyReference = fc.record({
  generation: fc.integer({ min: 0, max: MAX_GENERATION }),
  partition: fc.integer({ min: 0, max: MAX_PARTITION }),
  offset: fc.bigInt({ min: 0n, max: MAX_OFFSET }),
});
const MAX_BIGINT = 2n ** 63n - 1n;

describe("a row's reference into the log", () => {
  it("comes back whole, and fits PostgreSQL's bigint", () => {
    fc.assert(
      fc.property(anyReference, (reference) => {
        const packed = packLogRef(reference);
        expect(unpackLogRef(packed)).to.deep.equal(reference);
        expect(packed >= 0n && packed <= MAX_BIGINT).to.equal(true);
      }),
      { seed },
    );
  });

  it("orders the records of a partition as the log does", () => {
    fc.assert(
      fc.property(anyReference, fc.bigInt({ min: 0n, max: MAX_OFFSET }), (reference, offset) => {
        const [a, b] = [packLogRef(reference), packLogRef({ ...reference, offset })];
        expect(a < b).to.equal(reference.offset < offset);
      }),
      { seed },
    );
  });

  it("refuses a part that does not fit, instead of sharing another record's reference", () => {
    const fits = { generation: 1, partition: 2, offset: 3n };
    for (const wrong of [
      { generation: 256 },
      { partition: 32_768 },
      { offset: 2n ** 40n },
      { offset: -1n },
    ]) {
      expect(() => packLogRef({ ...fits, ...wrong })).to.throw(RangeError);
    }
  });
});
