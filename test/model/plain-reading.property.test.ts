import { expect } from "chai";
import fc from "fast-check";
import { isRefusal, schemaReading } from "../../model/decode-reading.ts";
import { plainReading } from "../../model/plain-reading.ts";
import { METRICS, READING_TYPES, type MetricKind, type ReadingType } from "../../model/reading.ts";
import { seed } from "../support/seed.ts";

const pad = (value: number, length = 2) => String(value).padStart(length, "0");
const anyStamp = fc
  .record({
    year: fc.oneof(fc.constantFrom(1900, 1999, 2000, 2026, 2028, 2100), fc.nat(9_999)),
    month: fc.oneof(fc.constantFrom(2, 2, 4, 12), fc.nat(13)),
    day: fc.oneof(fc.integer({ min: 28, max: 32 }), fc.nat(32)),
    hour: fc.nat(25),
    minute: fc.nat(60),
    second: fc.nat(60),
    end: fc.constantFrom("Z", ".000Z", ".123Z", ".1Z", ".123456Z", "", "+02:00", ".123-14:00", "z", " Z"),
  })
  .map(
    ({ year, month, day, hour, minute, second, end }) =>
      `${pad(year, 4)}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}${end}`,
  );
const anyText = fc.oneof(
  // either side of what is refused: control characters, U+007F, halves of surrogate pairs
  fc
    .array(fc.constantFrom(0x00, 0x01, 0x1f, 0x20, 0x61, 0x7e, 0x7f, 0x80, 0xd7ff, 0xd800, 0xdfff, 0xe000), {
      maxLength: 3,
    })
    .map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom("x".repeat(128), "x".repeat(129), "y".repeat(4_096), "y".repeat(4_097), "läuft 🏭", ""),
);
const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-0, 2 ** 53 - 1, 2 ** 53, -1, 1.5, Infinity, NaN),
);
const anyValue = fc.oneof(
  { weight: 4, arbitrary: anyNumber },
  { weight: 4, arbitrary: anyText },
  fc.constantFrom(null, true, [], {}, undefined),
);
const anyId = fc.oneof(
  fc.constantFrom("m-001", "site-1", "a:b/c._", "-a", "", "ä", "x".repeat(128), "x".repeat(129)),
  fc.string({ maxLength: 5 }),
);

const anyValueOf = (kind: MetricKind) =>
  fc.oneof({ weight: 8, arbitrary: kind === "number" || kind === "count" ? anyNumber : anyText }, anyValue);

const anyValuesOf = (type: ReadingType) =>
  fc
    .record(Object.fromEntries(METRICS[type].map(({ name, kind }) => [name, anyValueOf(kind)])), {
      requiredKeys: [],
    })
    .chain((values) => {
      const all = Object.entries(values);
      // few of them, or hardly a reading would be sound
      return fc.subarray(all, { maxLength: Math.min(2, all.length) }).map((some) => Object.fromEntries(some));
    });

const anyReadingOf = (type: ReadingType) =>
  fc.record(
    {
      type: fc.constant(type),
      machineId: anyId,
      siteId: anyId,
      ts: anyStamp,
      values: fc.oneof(
        { weight: 10, arbitrary: anyValuesOf(type) },
        fc.dictionary(fc.constantFrom("tenant", "__proto__", "constructor"), anyValue),
      ),
      extra: fc.constant(1),
    },
    { requiredKeys: ["type"] },
  );

/** Mostly right, so that each part of the check decides in some of them. */
const sound = { machineId: "m-001", ts: "2026-11-21T10:00:00Z" };
const anyRaw = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...READING_TYPES).chain(anyReadingOf) },
  {
    weight: 10,
    arbitrary: fc
      .constantFrom(...READING_TYPES)
      .chain(anyReadingOf)
      .map(({ type, values }) => ({ ...sound, type, values })),
  },
  { weight: 5, arbitrary: anyStamp.map((ts) => ({ ...sound, type: "scan", ts, values: { job_id: "j" } })) },
  fc.constantFrom(null, 1, "x", [], {}, { ...sound, type: "toString", values: {} }),
);

describe("plainReading", () => {
  it("answers what the schema answers, or leaves the answer to it", () => {
    let decidedCount = 0;
    fc.assert(
      fc.property(anyRaw, (raw) => {
        const plain = plainReading(raw);
        if (plain === undefined) return;
        decidedCount += 1;
        expect(plain).to.deep.equal(schemaReading(raw));
      }),
      { seed, numRuns: 20_000 },
    );
    expect(decidedCount).to.be.greaterThan(1_000);
  });

  it("decides what devices send by itself", () => {
    for (const ts of ["2026-11-21T10:00:00Z", "2028-02-29T23:59:59.999Z"]) {
      const raw = { ...sound, ts, type: "machine", siteId: "s", values: { state: "läuft", cycle_count: 1 } };
      const plain = plainReading(raw);
      expect(plain).to.deep.equal(schemaReading(raw));
      expect(plain !== undefined && !isRefusal(plain)).to.equal(true);
    }
  });
});
