import { expect } from "chai";
import * as flip from "../../model/flip.ts";
import { explore, type Rules } from "../support/flip-explorer.ts";

const RULES: Rules = { ...flip, abortFirst: true, decideFirst: true };

/** What a run of the broken form comes to; undefined when no interleaving breaks it. */
const violation = (broken: Partial<Rules>) => explore({ ...RULES, ...broken }, 2, 3n).violation;

describe("the flip, in every interleaving", () => {
  // The last epoch bounds the attempts: two movers make five of them, there and back.
  for (const [movers, lastEpoch] of [
    [2, 6n],
    [3, 3n],
  ] as const) {
    it(`keeps one home with ${movers} movers that stop and go on`, () => {
      const { violation: found, stateCount, outcomes } = explore(RULES, movers, lastEpoch);
      expect(found).to.equal(undefined);
      expect(stateCount).to.be.greaterThan(900);
      // it explores what it claims to: every end is reached
      expect([...outcomes].sort()).to.deep.equal(["S", "T"]);
    });
  }

  const FORMS: readonly (readonly [what: string, broken: Partial<Rules>])[] = [
    ["the source opened before the placement says that the attempt is aborted", { abortFirst: false }],
    ["the target opened before the placement says so", { decideFirst: false }],
    [
      "a fence that closes for whoever comes",
      { raise: ({ role }, epoch) => ({ epoch, role, isClosed: true }) },
    ],
    [
      "a fence that opens for whoever comes",
      { open: (_, epoch) => ({ epoch, role: "primary", isClosed: false }) },
    ],
    [
      "a source that opens only where this attempt has closed it",
      {
        open: (fence, epoch) =>
          fence.epoch < epoch && fence.role === "primary" ? undefined : flip.open(fence, epoch),
      },
    ],
    [
      "an attempt decided whatever its epoch",
      { decide: (placement) => flip.decide(placement, placement.epoch) },
    ],
  ];
  for (const [what, broken] of FORMS) {
    it(`would break with ${what}`, () => {
      const found = violation(broken);
      expect(found, "a counter-example").to.not.equal(undefined);
    });
  }

  it("tells how it came to a violation, step by step", () => {
    const found = violation({ abortFirst: false });
    expect(found?.path.length).to.be.greaterThan(4);
    expect(found?.path.at(0)).to.match(/^mover \d: begin$/);
  });
});

describe("a home", () => {
  const fence = (epoch: bigint, role: flip.FenceRole, isClosed = false): flip.Fence => ({
    epoch,
    role,
    isClosed,
  });

  it("is where the placement leads, unless the fence knows of a later flip or of its outcome", () => {
    expect(flip.isHome(fence(1n, "primary"), 1n)).to.equal(true);
    expect(flip.isHome(fence(2n, "primary", true), 2n)).to.equal(true); // rows are all there, only writers wait
    expect(flip.isHome(fence(1n, "shadow"), 2n)).to.equal(true); // decided, and not told yet
    expect(flip.isHome(fence(2n, "shadow"), 2n)).to.equal(false);
    expect(flip.isHome(fence(2n, "primary"), 1n)).to.equal(false);
  });
});
