import { expect } from "chai";
import fc from "fast-check";
import { decodeReading, isRefusal } from "../../model/decode-reading.ts";
import { qualityNames, qualityOf, trustedReading } from "../../model/quality.ts";
import { METRICS, READING_TYPES, type QualityClaim } from "../../model/reading.ts";
import { APPENDED_AT_MS, machineReading } from "../support/log-records.ts";
import { seed } from "../support/seed.ts";

const decoded = (values: object, quality?: object) => {
  const reading = decodeReading({ ...machineReading(), values, ...(quality && { quality }) }, APPENDED_AT_MS);
  if (isRefusal(reading)) throw new Error(reading.message);
  return reading;
};
const namesOf = (values: object, quality?: object) =>
  qualityNames("machine", decoded(values, quality).quality);

describe("the quality of a reading", () => {
  it("is implausible where a value lies outside what is possible, and good at both ends", () => {
    for (const type of READING_TYPES) {
      for (const { name, range } of METRICS[type]) {
        if (range === undefined) continue;
        const [min, max] = range;
        for (const value of [min, max]) expect(qualityOf(type, { [name]: value })).to.equal(0);
        for (const value of [min - 1, max * 1.001]) {
          expect(qualityNames(type, qualityOf(type, { [name]: value }))).to.deep.equal({
            [name]: "implausible",
          });
        }
      }
    }
  });

  it("is what the device says, unless the value is worse", () => {
    expect(namesOf({ power_watts: 1, temperature_c: 1 })).to.equal(undefined);
    expect(namesOf({ power_watts: 1, temperature_c: 1 }, { temperature_c: "uncertain" })).to.deep.equal({
      temperature_c: "uncertain",
    });
    expect(
      namesOf({ power_watts: 1, temperature_c: 9_999 }, { power_watts: "bad", temperature_c: "uncertain" }),
    ).to.deep.equal({ power_watts: "bad", temperature_c: "implausible" });
    // a broken sensor may send no value at all
    expect(namesOf({ power_watts: 1 }, { temperature_c: "bad" })).to.deep.equal({ temperature_c: "bad" });
  });

  it("refuses a word or a metric that it does not know", () => {
    for (const quality of [{ power_watts: "good" }, { voltage: "bad" }, { __proto__: "bad", x: 1 }, "bad"]) {
      const reading = decodeReading({ ...machineReading(), quality }, APPENDED_AT_MS);
      expect(isRefusal(reading) && reading.code).to.equal("reading-invalid");
    }
  });

  it("comes out as it went in, for every metric of every type, in a 32-bit integer", () => {
    const anyClaims = fc.constantFrom(...READING_TYPES).chain((type) =>
      fc.record({
        type: fc.constant(type),
        claims: fc.dictionary(
          fc.constantFrom(...METRICS[type].map(({ name }) => name)),
          fc.constantFrom<QualityClaim>("uncertain", "bad"),
        ),
      }),
    );
    fc.assert(
      fc.property(anyClaims, ({ type, claims }) => {
        const quality = qualityOf(type, {}, claims);
        expect(quality).to.be.within(0, 2 ** 31 - 1);
        expect({ ...qualityNames(type, quality) }).to.deep.equal({ ...claims });
      }),
      { seed },
    );
  });

  it("leaves an alert the values that are good or uncertain", () => {
    const quality = { power_watts: "bad", cycle_count: "uncertain" };
    const reading = decoded({ state: "idle", power_watts: 1, temperature_c: 9_999, cycle_count: 7 }, quality);
    expect(trustedReading(reading).values).to.deep.equal({ state: "idle", cycle_count: 7 });
    const good = decoded({ power_watts: 1 });
    expect(trustedReading(good)).to.equal(good);
  });
});
