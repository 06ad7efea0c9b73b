import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { decodeValue, readingBytes } from "../../handlers/decode-value.ts";
import { tenantId } from "../../model/tenant.ts";
import { logRecord, machineReading } from "../support/log-records.ts";

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const decode = (value: Buffer | string) =>
  decodeValue(logRecord(tenantId.parse("acme"), 0, 0, Buffer.from(value)), undefined);
const reading = JSON.stringify(machineReading());

describe("decodeValue", () => {
  it("reads an array of readings, and one reading by itself", () => {
    const { readings } = decode(json([machineReading(), machineReading({ machineId: "m-002" })]));
    expect(readings.map(({ ordinal, reading }) => [ordinal, reading.machineId])).to.deep.equal([
      [0, "m-001"],
      [1, "m-002"],
    ]);
    expect(decode(reading).readings).to.deep.equal(readings.slice(0, 1));
    expect(decode("[]")).to.deep.equal({ readings: [], refused: [] });
  });

  for (const [what, value] of [
    ["truncated", Buffer.from(reading.slice(0, -3))],
    ["truncated inside a character", Buffer.from('{"type":"ä').subarray(0, -1)],
    ["empty", Buffer.alloc(0)],
    ["gzip", gzipSync(reading)],
    ["UTF-16 with its mark", Buffer.from(`\ufeff${reading}`, "utf16le")],
    ["UTF-16 without a mark", Buffer.from(reading, "utf16le")],
    ["Latin-1", Buffer.from(reading.replace("running", "läuft"), "latin1")],
    ["a lone surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["CSV", Buffer.from("time,machine\n1,2\n")],
    ["a number", Buffer.from("1")],
    ["null", Buffer.from("null")],
    ["NaN", Buffer.from("[NaN]")],
    ["two documents", Buffer.from(`${reading}${reading}`)],
  ] as const) {
    it(`refuses the whole value when it is ${what}`, () => {
      const { readings, refused } = decode(value);
      expect(readings).to.deep.equal([]);
      expect(refused.map(({ reason, ordinal }) => [reason, ordinal])).to.deep.equal([
        ["record-undecodable", undefined],
      ]);
      expect(refused[0]?.raw).to.deep.equal(value);
    });
  }

  it("refuses a value of more readings than a record may have", () => {
    const most = Array<unknown>(10_000).fill(machineReading());
    expect(decode(json(most)).readings).to.have.length(10_000);
    expect(decode(json([...most, machineReading()])).refused.map(({ reason }) => reason)).to.deep.equal([
      "record-too-large",
    ]);
  });

  for (const [what, poison, code] of [
    ["an unknown field", { ...machineReading(), tenant: "globex" }, "reading-invalid"],
    ["a string where a number belongs", machineReading({ values: { power_watts: "12" } }), "reading-invalid"],
    ["a number where a string belongs", machineReading({ values: { state: 1 } }), "reading-invalid"],
    ["a string of 1 MB", machineReading({ values: { state: "x".repeat(1 << 20) } }), "reading-invalid"],
    ["an id of 1 MB", machineReading({ machineId: "x".repeat(1 << 20) }), "reading-invalid"],
    ["a key of 1 MB", { ...machineReading(), ["x".repeat(1 << 20)]: 1 }, "reading-invalid"],
    ["no value", machineReading({ values: {} }), "reading-invalid"],
    ["another reading inside", [machineReading()], "reading-invalid"],
    ["null", null, "reading-invalid"],
    ["a negative time", machineReading({ ts: "-000001-01-01T00:00:00Z" }), "reading-invalid"],
    ["a time before 1970", machineReading({ ts: "1969-12-31T23:59:59Z" }), "time-out-of-range"],
    ["a clock never set", machineReading({ ts: "1970-01-01T00:00:00.000Z" }), "time-out-of-range"],
    ["a far future", machineReading({ ts: "9999-12-31T23:59:59Z" }), "time-out-of-range"],
    ["a clock 10 min 1 ms ahead", machineReading({ ts: "2026-11-21T10:10:00.001Z" }), "time-out-of-range"],
    ["a time that does not exist", machineReading({ ts: "2026-02-29T10:00:00Z" }), "reading-invalid"],
  ] as const) {
    it(`refuses ${what} in any place of a record, and takes its neighbours`, () => {
      for (const place of [0, 1, 2]) {
        const { readings, refused } = decode(
          json([machineReading(), machineReading()].toSpliced(place, 0, poison as never)),
        );
        expect(readings.map(({ ordinal }) => ordinal)).to.deep.equal(
          [0, 1, 2].filter((ordinal) => ordinal !== place),
        );
        expect(refused.map(({ reason, ordinal }) => [reason, ordinal])).to.deep.equal([[code, place]]);
        expect(refused[0]?.message.length).to.be.lessThan(400);
        expect(refused[0]?.raw).to.deep.equal(json(poison));
      }
    });
  }

  it("takes a clock that is up to 10 min ahead", () => {
    expect(decode(json(machineReading({ ts: "2026-11-21T10:10:00.000Z" }))).readings).to.have.length(1);
  });

  it("takes a number beyond the largest for what it is: none", () => {
    expect(decode(reading.replace("61.2", "1e400")).refused[0]?.reason).to.equal("reading-invalid");
  });

  it("lets the last of two equal keys count, as JSON.parse does everywhere in here", () => {
    const doubled = reading.replace('"machineId"', '"machineId":"first","machineId"');
    expect(decode(doubled).readings[0]?.reading.machineId).to.equal("m-001");
  });

  it("refuses what is nested too deep to be written again, and keeps its beginning", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    for (const value of [deep, `[${reading},{"values":${deep}}]`, `{"deep":${deep}}`]) {
      const { refused } = decode(value);
      expect(refused.map(({ reason }) => reason)).to.deep.equal(["reading-invalid"]);
      expect(refused[0]?.raw.subarray(0, 10)).to.deep.equal(Buffer.from(value.slice(0, 10)));
    }
  });

  it("has no way into the prototype", () => {
    const { readings, refused } = decode(
      `[${reading.replace('"values"', '"__proto__":{"siteId":"x"},"values"')}]`,
    );
    expect([readings.length, refused.length]).to.deep.equal([0, 1]);
    expect("siteId" in {}).to.equal(false);
  });
});

describe("readingBytes", () => {
  it("finds one reading of a value", () => {
    const bytesOf = (value: Buffer, ordinal: number) =>
      readingBytes(logRecord(tenantId.parse("acme"), 0, 0, value), ordinal).toString();
    expect(bytesOf(json([1, machineReading()]), 1)).to.equal(reading);
    expect(bytesOf(Buffer.from(reading), 0)).to.equal(reading);
  });
});
