import { expect } from "chai";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { blocksOverlap, subnetLayout, vpcBlockFault } from "../../../model/aws/subnet-layout.ts";

const anyVpc = fc
  .record({ prefix: fc.integer({ min: 16, max: 22 }), high: fc.nat(255), low: fc.nat(255) })
  .map(({ prefix, high, low }) => {
    const third = prefix === 16 ? 0 : (low >> (24 - prefix)) << (24 - prefix);
    return `10.${high}.${third}.0/${prefix}`;
  });

/** First and last address, by another library. */
function ends(block: string): [number, number] {
  const [address, prefix] = ipaddr.parseCIDR(block);
  const first = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  return [first, first + 2 ** (32 - prefix) - 1];
}

describe("the layout of a VPC", () => {
  it("puts /19, /20 and /20 into each zone of a /16, and leaves a quarter free", () => {
    expect(subnetLayout("10.64.0.0/16", 3)).to.deep.equal([
      { private: "10.64.0.0/19", public: "10.64.32.0/20", database: "10.64.48.0/20" },
      { private: "10.64.64.0/19", public: "10.64.96.0/20", database: "10.64.112.0/20" },
      { private: "10.64.128.0/19", public: "10.64.160.0/20", database: "10.64.176.0/20" },
    ]);
  });

  it("lies within the VPC, without overlap, in subnets that AWS takes", () => {
    fc.assert(
      fc.property(anyVpc, fc.integer({ min: 2, max: 3 }), (vpc, zoneCount) => {
        expect(vpcBlockFault(vpc)).to.equal(undefined);
        const blocks = subnetLayout(vpc, zoneCount).flatMap((zone) => Object.values(zone) as string[]);
        const [first, last] = ends(vpc);
        const ranges = blocks.map(ends).sort(([a], [b]) => a - b);
        expect(ranges).to.have.length(3 * zoneCount);
        for (const [index, [from, to]] of ranges.entries()) {
          expect(from).to.be.at.least(index === 0 ? first : ranges[index - 1]![1] + 1);
          expect(to).to.be.at.most(last);
          expect(to - from + 1).to.be.at.least(16); // AWS: /28 at least
        }
      }),
    );
  });

  it("leaves two zones where they are when a third is added", () => {
    fc.assert(
      fc.property(anyVpc, (vpc) => {
        expect(subnetLayout(vpc, 3).slice(0, 2)).to.deep.equal(subnetLayout(vpc, 2));
      }),
    );
  });

  it("sees an overlap where another library does", () => {
    fc.assert(
      fc.property(anyVpc, anyVpc, (one, other) => {
        const [[from, to], [otherFrom, otherTo]] = [ends(one), ends(other)];
        expect(blocksOverlap(one, other)).to.equal(from <= otherTo && otherFrom <= to);
      }),
    );
  });

  it("says why a block cannot be a VPC", () => {
    for (const [block, fault] of [
      ["10.64.0.0", /is not a block/],
      ["10.64.0.256/16", /is not a block/],
      ["10.64.0.1/16", /is not a block/],
      ["10.64.0.0/33", /is not a block/],
      ["10.0.0.0/8", /between \/16 and \/22/],
      ["10.64.0.0/23", /do not fit/],
    ] as const)
      expect(vpcBlockFault(block), block).to.match(fault);
  });
});
