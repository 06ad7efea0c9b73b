import { expect } from "chai";
import fc from "fast-check";
import { createRequire } from "node:module";
import { decodeBatches } from "../../../data/event-log/kafka/record-batch.ts";
import { hasCode } from "../../../model/errors.ts";
import { seed } from "../../support/seed.ts";

// An encoder that is not ours: what it writes, brokers take.
const require = createRequire(import.meta.url);
const { RecordBatch } = require("kafkajs/src/protocol/recordBatch/v0") as {
  RecordBatch: Encode<BatchFields>;
};
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (fields: object) => object;

type Encode<T> = (fields: T) => Promise<{ readonly buffer: Buffer }>;

interface BatchFields {
  readonly firstOffset: string;
  readonly firstTimestamp: number;
  readonly lastOffsetDelta: number;
  readonly compression?: number;
  readonly records: readonly object[];
}

const PLACE = { topic: "acme.readings.g1", partition: 3 };
const FIRST_MS = Date.UTC(2026, 10, 21);

interface RecordFields {
  /** How many offsets before it are of no record. */
  readonly skipped: number;
  readonly timeDeltaMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

const recordFields: fc.Arbitrary<RecordFields> = fc.record({
  skipped: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 200_000 }) },
  ),
  timeDeltaMs: fc.integer({ min: -1_000_000_000, max: 10_000_000_000_000 }),
  key: fc.option(fc.string().map((text) => Buffer.from(text))),
  value: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
  // few different ones: neighbours often have the same
  headers: fc.constantFrom<RecordFields["headers"]>(
    {},
    { source: ["live"] },
    { source: ["import"] },
    { source: ["live", "again"], "batch-id": ["ä€𝄞"] },
    { empty: [""] },
  ),
});
const batches = fc.array(fc.array(recordFields, { minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 4,
});

describe(`record batches of Kafka (seed ${seed})`, () => {
  it("come out as they were put in, from any offset on, whole batches only", async () => {
    await fc.assert(
      fc.asyncProperty(
        batches,
        fc.bigInt({ min: 0n, max: 2n ** 40n }),
        fc.nat(),
        fc.nat(),
        async (given, first, at, cut) => {
          const { encoded, expected } = await encode(given, first);
          const all = expected.flat();
          const from = all[at % all.length]!.offset;
          const last = encoded.at(-1)!;
          const set = Buffer.concat([...encoded, last.subarray(0, cut % last.length)]);
          const { records, next } = decodeBatches(PLACE, set, from, []);
          let coversFrom = from;
          for (const [index, record] of all.filter(({ offset }) => offset >= from).entries()) {
            expect(records[index]).to.deep.equal({ ...PLACE, ...record, coversFrom });
            coversFrom = record.offset + 1n;
          }
          expect(records.at(-1)!.offset).to.equal(all.at(-1)!.offset);
          expect(next).to.equal(all.at(-1)!.offset + 1n);
        },
      ),
      { seed },
    );
  });

  it("are refused when they are compressed, and not read as something else", async () => {
    const records = [encodeRecord({ key: null, value: Buffer.from("[]"), headers: {} })];
    const fields = { firstOffset: "0", firstTimestamp: FIRST_MS, lastOffsetDelta: 0, records };
    const { buffer } = await RecordBatch({ ...fields, compression: 1 });
    expect(() => decodeBatches(PLACE, buffer, 0n, []))
      .to.throw()
      .that.satisfies(isUnavailable);
  });
});

const isUnavailable = (error: unknown) => hasCode(error, "log-unavailable");

async function encode(given: readonly (readonly RecordFields[])[], first: bigint) {
  const encoded: Buffer[] = [];
  const expected = [];
  let firstOffset = first;
  for (const batch of given) {
    let delta = -1;
    const placed = batch.map((fields) => ({ ...fields, delta: (delta += fields.skipped + 1) }));
    const { buffer } = await RecordBatch({
      firstOffset: String(firstOffset),
      firstTimestamp: FIRST_MS,
      lastOffsetDelta: delta,
      records: placed.map(({ delta: offsetDelta, timeDeltaMs: timestampDelta, key, value, headers }) =>
        encodeRecord({ offsetDelta, timestampDelta, key, value, headers }),
      ),
    });
    encoded.push(buffer);
    const base = firstOffset;
    expected.push(
      placed.map(({ delta: offsetDelta, timeDeltaMs, value, headers }) => ({
        offset: base + BigInt(offsetDelta),
        appendedAtMs: FIRST_MS + timeDeltaMs,
        headers: Object.fromEntries(Object.entries(headers).map(([name, texts]) => [name, texts[0]])),
        value: value ?? Buffer.alloc(0),
      })),
    );
    firstOffset += BigInt(delta + 1);
  }
  return { encoded, expected };
}
