import { expect } from "chai";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { parseImportMap } from "../../model/import-map.ts";
import { rowReader, type RowOutcome, type TimeReader } from "../../model/import-row.ts";

const header = ["device", "at", "temp", "cycles", "state"];
const nowMs = Date.UTC(2026, 0, 1);
const map = parseImportMap({
  type: "machine",
  machineId: { column: "device" },
  time: { columns: ["at"], format: "iso" },
  values: {
    temperature_c: { column: "temp", factor: 0.1, offset: -40, required: true },
    cycle_count: { column: "cycles" },
    state: { column: "state" },
  },
  missing: ["", "NA"],
  csv: { decimal: "," },
});

/** Stamps are hours of 2025; 2 is read twice and 3 does not exist, as where clocks are changed. */
const readTime: TimeReader = (stamp) => {
  const at = (hour: number) => Date.UTC(2025, 0, 1, hour);
  if (!/^\d+$/.test(stamp)) return undefined;
  if (stamp === "3") return [];
  return stamp === "2" ? [at(2), at(3)] : [at(Number(stamp))];
};

const outcomeOf = (row: string) => rowReader(map, header, readTime, nowMs)(row.split(";"));
const kindOf = (outcome: RowOutcome) => (outcome.kind === "refusal" ? outcome.code : outcome.kind);

describe("rowReader", () => {
  it("makes a reading of a row: scaled, rounded to what the file can mean, and in UTC", () => {
    expect(outcomeOf(" m-1 ;5; 731,1;42;running")).to.deep.equal({
      kind: "reading",
      reading: {
        type: "machine",
        machineId: "m-1",
        ts: "2025-01-01T05:00:00.000Z",
        values: { temperature_c: 33.11, cycle_count: 42, state: "running" },
      },
      missing: [],
    });
  });

  it("leaves out what was not measured, and says so", () => {
    const outcome = outcomeOf("m-1;5;700;NA;");
    expect(outcome.kind === "reading" && outcome.reading.values).to.deep.equal({ temperature_c: 30 });
    expect(outcome.kind === "reading" && outcome.missing).to.deep.equal(["cycle_count", "state"]);
  });

  it("counts a row without a required value as a gap", () => {
    expect(outcomeOf("m-1;5;NA;42;running")).to.deep.equal({ kind: "gap", missing: ["temperature_c"] });
  });

  for (const [row, code] of [
    ["m-1;5;700;42", "row-malformed"],
    ["m-1;5;700;42;running;x", "row-malformed"],
    ["m-1;yesterday;700;42;running", "time-unreadable"],
    ["m-1;3;700;42;running", "time-skipped"],
    ["m-1;5;hot;42;running", "number-unreadable"],
    ["m-1;5;0x10;42;running", "number-unreadable"],
    ["m-1;5;1e400;42;running", "reading-invalid"],
    ["m-1;5;700;4,5;running", "reading-invalid"],
    ["bad id;5;700;42;running", "reading-invalid"],
    [";5;700;42;running", "reading-invalid"],
    ["m-1;99999;700;42;running", "time-out-of-range"],
  ] as const) {
    it(`refuses '${row}' as ${code}`, () => expect(kindOf(outcomeOf(row))).to.equal(code));
  }

  it("takes the first of two instants, unless the order of the file tells them apart", () => {
    const hoursOf = (order: "any" | "ascending", stamps: readonly string[]) => {
      const read = rowReader({ ...map, order }, header, readTime, nowMs);
      return stamps.map((stamp) => {
        const outcome = read(["m-1", stamp, "700", "1", "running"]);
        return outcome.kind === "reading" ? new Date(outcome.reading.ts).getUTCHours() : kindOf(outcome);
      });
    };
    expect(hoursOf("any", ["2", "2", "1"])).to.deep.equal([2, 2, 1]);
    expect(hoursOf("ascending", ["1", "2", "2", "2", "4"])).to.deep.equal([1, 2, 3, "out-of-order", 4]);
  });

  it("keeps the order of each machine by itself", () => {
    const read = rowReader({ ...map, order: "ascending" }, header, readTime, nowMs);
    const kinds = ["m-1;5", "m-2;4", "m-1;4", "m-2;5"].map((start) =>
      kindOf(read(`${start};700;1;running`.split(";"))),
    );
    expect(kinds).to.deep.equal(["reading", "reading", "out-of-order", "reading"]);
  });

  it("names the columns that the file does not have, and those that it has", () => {
    try {
      rowReader(map, ["device", "at", "Temp", "state", "state"], readTime, nowMs);
      expect.fail("a wrong column went unseen");
    } catch (error) {
      if (!hasCode(error, "import-map-invalid")) throw error;
      expect(error).to.be.instanceOf(MillwrightError);
      expect(error.message).to.contain("device, at, Temp, state");
      expect(error.fields.map(({ pointer }) => pointer)).to.deep.equal([
        "/values/temperature_c/column",
        "/values/cycle_count/column",
        "/values/state/column",
      ]);
    }
  });
});
