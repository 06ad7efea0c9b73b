import { expect } from "chai";
import { timeReader } from "../../../../automation/cli/import/time-reader.ts";
import { hasCode } from "../../../../model/errors.ts";

interface Time {
  readonly columns: string[];
  readonly format: string;
  readonly zone?: string;
  readonly midnight: "opens-day" | "closes-day";
}

const local = (zone: string, more: Partial<Time> = {}): Time => ({
  columns: ["at"],
  format: "yyyy-MM-dd HH:mm",
  midnight: "opens-day",
  zone,
  ...more,
});
const instants = (time: Time, stamp: string) =>
  timeReader(time)(stamp)?.map((instant) => new Date(instant).toISOString());

describe("timeReader", () => {
  it("reads local time in its zone", () => {
    expect(instants(local("Asia/Seoul"), "2018-07-01 12:00")).to.deep.equal(["2018-07-01T03:00:00.000Z"]);
    expect(instants(local("Europe/Berlin"), "2025-07-01 12:00")).to.deep.equal(["2025-07-01T10:00:00.000Z"]);
    expect(instants(local("Europe/Berlin"), "2025-12-01 12:00")).to.deep.equal(["2025-12-01T11:00:00.000Z"]);
  });

  it("finds no instant for a time over which the clocks are put forward", () => {
    expect(instants(local("Europe/Berlin"), "2025-03-30 02:30")).to.deep.equal([]);
    expect(instants(local("Europe/Berlin"), "2025-03-30 03:00")).to.deep.equal(["2025-03-30T01:00:00.000Z"]);
  });

  it("finds both instants of a time that the clocks show twice", () => {
    expect(instants(local("Europe/Berlin"), "2025-10-26 02:30")).to.deep.equal([
      "2025-10-26T00:30:00.000Z",
      "2025-10-26T01:30:00.000Z",
    ]);
    expect(instants(local("Australia/Lord_Howe"), "2025-04-06 01:45")).to.deep.equal([
      "2025-04-05T14:45:00.000Z", // the change is half an hour there
      "2025-04-05T15:15:00.000Z",
    ]);
  });

  it("lets a midnight stamp close the day that it carries, also a day of 23 hours", () => {
    const time = local("Europe/Berlin", { midnight: "closes-day" });
    expect(instants(time, "2025-03-30 00:00")).to.deep.equal(["2025-03-30T22:00:00.000Z"]);
    expect(instants(time, "2025-03-30 23:45")).to.deep.equal(["2025-03-30T21:45:00.000Z"]);
    expect(instants(time, "2024-12-31 00:00")).to.deep.equal(["2024-12-31T23:00:00.000Z"]);
  });

  it("reads ISO stamps with an offset, and those without one in the zone of the map", () => {
    const iso: Time = { columns: ["at"], format: "iso", midnight: "opens-day" };
    expect(instants(iso, "2025-01-01T12:00:00+02:00")).to.deep.equal(["2025-01-01T10:00:00.000Z"]);
    expect(instants(iso, "2025-01-01T12:00:00.5Z")).to.deep.equal(["2025-01-01T12:00:00.500Z"]);
    expect(instants(iso, "2025-01-01T12:00")).to.equal(undefined);
    expect(instants({ ...iso, zone: "Asia/Seoul" }, "2025-01-01T12:00")).to.deep.equal([
      "2025-01-01T03:00:00.000Z",
    ]);
    expect(instants({ ...iso, zone: "Asia/Seoul" }, "2025-01-01T12:00Z")).to.deep.equal([
      "2025-01-01T12:00:00.000Z",
    ]);
  });

  it("reads seconds and milliseconds since 1970", () => {
    const unix: Time = { columns: ["at"], format: "unix", midnight: "opens-day" };
    expect(instants(unix, "1735689600.25")).to.deep.equal(["2025-01-01T00:00:00.250Z"]);
    expect(instants({ ...unix, format: "unix-ms" }, "1735689600250")).to.deep.equal([
      "2025-01-01T00:00:00.250Z",
    ]);
    expect(instants(unix, "2025-01-01")).to.equal(undefined);
  });

  it("refuses what is not of the format, and days that do not exist", () => {
    for (const stamp of [
      "",
      "2025-02-30 12:00",
      "30.03.2025 12:00",
      "2025-01-01 25:00",
      "2025-01-01 12:00 x",
    ]) {
      expect(instants(local("Europe/Berlin"), stamp), stamp).to.equal(undefined);
    }
  });

  for (const [what, time] of [
    ["a zone that does not exist", local("Europe/Atlantis")],
    ["a local format without a zone", { ...local("x"), zone: undefined } as unknown as Time],
    ["an offset and a zone at once", local("Asia/Seoul", { format: "yyyy-MM-dd HH:mm ZZ" })],
  ] as const) {
    it(`refuses a map with ${what}`, () => {
      try {
        timeReader(time);
        expect.fail("was accepted");
      } catch (error) {
        if (!hasCode(error, "import-map-invalid")) throw error;
        expect(error.fields.map(({ pointer }) => pointer)).to.deep.equal(["/time/zone"]);
      }
    });
  }
});
