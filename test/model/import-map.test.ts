import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { MillwrightError } from "../../model/errors.ts";
import { parseImportMap } from "../../model/import-map.ts";

const good = {
  type: "machine",
  machineId: { column: "device" },
  time: { columns: ["at"], format: "iso" },
  values: { temperature_c: { column: "temp" } },
};

function pointersOf(raw: unknown): string[] {
  try {
    parseImportMap(raw);
  } catch (error) {
    if (error instanceof MillwrightError && error.code === "import-map-invalid")
      return error.fields.map(({ pointer }) => pointer);
    throw error;
  }
  return [];
}

describe("parseImportMap", () => {
  it("fills in what a map may leave out", () => {
    const map = parseImportMap(good);
    expect(map.csv).to.deep.equal({ delimiter: ",", decimal: "." });
    expect(map.missing).to.deep.equal([""]);
    expect(map.order).to.equal("any");
    expect(map.time.midnight).to.equal("opens-day");
  });

  for (const [what, raw, pointer] of [
    ["a misspelt key", { ...good, vlaues: {} }, "/"],
    ["an unknown type", { ...good, type: "pump" }, "/type"],
    [
      "a metric of another type",
      { ...good, values: { kwh_interval: { column: "x" } } },
      "/values/kwh_interval",
    ],
    ["an id that is neither constant nor column", { ...good, machineId: "m-1" }, "/machineId"],
    ["a factor on a text", { ...good, values: { state: { column: "s", factor: 2 } } }, "/values/state"],
    [
      "a text as a constant number",
      { ...good, values: { ...good.values, power_watts: { constant: "1" } } },
      "/values/power_watts",
    ],
    ["a map that measures nothing", { ...good, values: { state: { constant: "running" } } }, "/values"],
    [
      "a factor of infinity",
      { ...good, values: { temperature_c: { column: "t", factor: Infinity } } },
      "/values/temperature_c",
    ],
    ["something that is no map", "type: machine", "/"],
  ] as const) {
    it(`refuses ${what}`, () => expect(pointersOf(raw)).to.deep.equal([pointer]));
  }

  it("accepts every map of docs/maps", () => {
    const folder = fileURLToPath(new URL("../../docs/maps/", import.meta.url));
    const files = readdirSync(folder);
    expect(files).to.not.be.empty;
    for (const file of files)
      expect(pointersOf(parse(readFileSync(`${folder}${file}`, "utf8"))), file).to.deep.equal([]);
  });
});
