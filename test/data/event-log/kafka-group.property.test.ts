import { expect } from "chai";
import fc from "fast-check";
import { readerOf } from "../../../data/event-log/kafka/group.ts";
import { seed } from "../../support/seed.ts";

const members = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 6 });
const partitions = Array.from({ length: 400 }, (_, n) => ({
  topic: `tenant-${n >> 2}.readings.g1`,
  partition: n & 3,
}));

describe(`the reader of a partition (seed ${seed})`, () => {
  it("is the same one whoever asks, in whatever order the members stand", () => {
    fc.assert(
      fc.property(members, (list) => {
        for (const partition of partitions.slice(0, 20))
          expect(readerOf(partition, list)).to.equal(readerOf(partition, list.toReversed()));
      }),
      { seed },
    );
  });

  it("stays, unless it leaves or a new member takes over", () => {
    fc.assert(
      fc.property(members, fc.uuid(), (list, newcomer) => {
        for (const partition of partitions) {
          const before = readerOf(partition, list);
          expect(readerOf(partition, [...list, newcomer])).to.be.oneOf([before, newcomer]);
        }
      }),
      { seed, numRuns: 20 },
    );
  });

  it("gives every member its share", () => {
    fc.assert(
      fc.property(members, (list) => {
        const shares = Map.groupBy(partitions, (partition) => readerOf(partition, list));
        for (const member of list)
          expect(shares.get(member)?.length ?? 0).to.be.greaterThan(partitions.length / list.length / 3);
      }),
      { seed, numRuns: 50 },
    );
  });
});
