import { expect } from "chai";
import fc from "fast-check";
import { MAX_READINGS_PER_RECORD, MAX_RECORD_BYTES, partitionOf, recordsOf } from "../../model/partition.ts";
import type { WireReading } from "../../model/reading.ts";
import { seed } from "../support/seed.ts";

const target = (partitions: number) => ({
  topic: "acme.readings.g1",
  partitions,
  headers: { source: "live" },
});
const anyReading = fc
  .record({
    machine: fc.nat(20),
    metadata: fc.string({ maxLength: 4_000, unit: "grapheme" }),
    copies: fc.integer({ min: 1, max: 400 }),
  })
  .map(({ machine, metadata, copies }) =>
    Array<WireReading>(copies).fill({
      type: "scan",
      machineId: `m-${machine}`,
      ts: "2026-11-21T10:00:00Z",
      values: { metadata },
    }),
  );
const anyBody = fc
  .array(anyReading, { maxLength: 12 })
  .map((runs) => runs.flat().map((reading, i) => ({ ...reading, siteId: `s-${i}` })));
const readingsIn = (value: Buffer) => JSON.parse(value.toString()) as WireReading[];

describe("recordsOf", () => {
  it("keeps every reading once, a machine's in order in one partition, within the limits", () => {
    fc.assert(
      fc.property(anyBody, fc.integer({ min: 1, max: 8 }), (readings, partitions) => {
        const records = recordsOf(
          readings.map((reading) => ({ reading, isAccepted: true })),
          target(partitions),
        );
        for (const { value, partition } of records) {
          expect(value.length).to.be.at.most(MAX_RECORD_BYTES);
          expect(readingsIn(value).length).to.be.within(1, MAX_READINGS_PER_RECORD);
          for (const { machineId } of readingsIn(value))
            expect(partitionOf(machineId, partitions)).to.equal(partition);
        }
        const stored = (partition: number) =>
          records
            .filter((record) => record.partition === partition)
            .flatMap(({ value }) => readingsIn(value));
        for (let partition = 0; partition < partitions; partition++) {
          const sent = readings.filter(({ machineId }) => partitionOf(machineId, partitions) === partition);
          expect(stored(partition)).to.deep.equal(sent);
        }
        const parts = records.map(({ headers }) => headers["part"]);
        expect(new Set(parts).size).to.equal(parts.length);
      }),
      { seed, numRuns: 40 },
    );
  });

  it("puts a reading into the same part whichever of the others are refused", () => {
    fc.assert(
      fc.property(anyBody, fc.func(fc.boolean()), (readings, isAccepted) => {
        const partOf = (accepted: (site: string) => boolean) =>
          new Map(
            recordsOf(
              readings.map((reading) => ({ reading, isAccepted: accepted(reading.siteId) })),
              target(2),
            ).flatMap(({ headers, value }) =>
              readingsIn(value).map(({ siteId }) => [siteId, headers["part"]] as const),
            ),
          );
        const all = partOf(() => true);
        for (const [site, part] of partOf((siteId) => isAccepted(siteId)))
          expect(part).to.equal(all.get(site));
      }),
      { seed, numRuns: 20 },
    );
  });
});
