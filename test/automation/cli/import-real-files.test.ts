import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { WireReading } from "../../../model/reading.ts";
import { skipBecause } from "../../support/skip.ts";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const dataFolder = path.join(repository, "..", "shared", "data");
const hasData = existsSync(dataFolder);

interface ImportJson {
  readonly import: {
    readonly rows: number;
    readonly readings: number;
    readonly accepted: number;
    readonly gaps: number;
    readonly refused: number;
    readonly sums: Readonly<Record<string, number>>;
  };
}

/** The file as the plainest reader sees it: split at commas and line ends. No quoting is used in these two files. */
function columnsOf(file: string): (name: string) => string[] {
  const text = gunzipSync(readFileSync(path.join(dataFolder, file))).toString("utf8");
  const [header = [], ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => line.split(","));
  return (name) => rows.map((row) => row[header.indexOf(name)] ?? "");
}

const sumOf = (cells: readonly string[]) => cells.reduce((sum, cell) => sum + Number(cell), 0);

describe("the import of measured files", () => {
  let server: RecordingServer;
  const readings = () =>
    server.calls.flatMap(({ body }) => (body as { readings: readonly WireReading[] }).readings);
  const batchIds = () => server.calls.map(({ body }) => (body as { batchId: string }).batchId);

  before(function () {
    if (!hasData)
      skipBecause(this, "sample-data", `${dataFolder} is not there: it lies beside the repository`);
  });
  beforeEach(async () => {
    server = await recordingServer(({ body }) => ({
      status: 202,
      json: { accepted: (body as { readings: unknown[] }).readings.length, rejected: [] },
    }));
  });
  afterEach(() => server.close());

  const importSample = (name: string) =>
    runCli(server.url, [
      "import",
      path.join(dataFolder, `${name}.csv.gz`),
      "--map",
      path.join(repository, "docs", "maps", `${name}.yaml`),
      "--tenant",
      "acme",
      "--json",
    ]);

  it("takes every quarter of an hour of the steel plant, and every kilowatt-hour", async () => {
    const run = await importSample("steel-energy-2018");
    expect(run.exitCode).to.equal(0);
    const { import: report } = JSON.parse(run.out) as ImportJson;
    expect(report).to.include({ rows: 35_040, readings: 35_040, accepted: 35_040, gaps: 0, refused: 0 });

    const column = columnsOf("steel-energy-2018.csv.gz");
    const sent = readings();
    const sentSum = (metric: string) => sent.reduce((sum, { values }) => sum + (values[metric] as number), 0);
    expect(report.sums["kwh_interval"]).to.be.closeTo(sumOf(column("Usage_kWh")), 1e-6);
    expect(sentSum("kwh_interval")).to.be.closeTo(sumOf(column("Usage_kWh")), 1e-6);
    expect(sentSum("co2_kg_interval")).to.be.closeTo(sumOf(column("CO2(tCO2)")) * 1_000, 1e-6);
    expect(sentSum("power_factor")).to.be.closeTo(sumOf(column("Lagging_Current_Power_Factor")) / 100, 1e-6);
    const lagging = sumOf(column("Lagging_Current_Reactive.Power_kVarh"));
    expect(sentSum("kvarh_lagging_interval")).to.be.closeTo(lagging, 1e-6);

    // The year in Seoul (UTC+9), closed every 15 minutes: from 00:15 on 1 January to midnight of 31 December.
    const start = Date.parse("2018-01-01T00:15:00+09:00");
    expect(sent.map(({ ts }) => Date.parse(ts))).to.deep.equal(
      Array.from({ length: 35_040 }, (_, index) => start + index * 15 * 60_000),
    );
  });

  it("takes every hour of Beijing in which PM2.5 was measured, and invents none", async () => {
    const run = await importSample("beijing-pm25-2010-2014");
    expect(run.exitCode).to.equal(0);
    const column = columnsOf("beijing-pm25-2010-2014.csv.gz");
    const measured = column("pm2.5").flatMap((cell, index) => (cell === "NA" ? [] : [index]));
    expect(measured).to.have.length(41_757);

    const { import: report } = JSON.parse(run.out) as ImportJson;
    expect(report).to.include({ rows: 43_824, readings: 41_757, accepted: 41_757, gaps: 2_067, refused: 0 });
    const start = Date.parse("2010-01-01T00:00:00+08:00"); // the file has a row for each hour, measured or not
    const pm25 = column("pm2.5");
    expect(readings().map(({ ts, values }) => [Date.parse(ts), values["pm25_ugm3"]])).to.deep.equal(
      measured.map((index) => [start + index * 3_600_000, Number(pm25[index])]),
    );
    expect(report.sums["pm25_ugm3"]).to.be.closeTo(sumOf(measured.map((index) => pm25[index] ?? "")), 1e-6);
  });

  it("sends the same batches under the same ids when it is run again", async () => {
    await importSample("steel-energy-2018");
    const first = server.calls.splice(0);
    await importSample("steel-energy-2018");
    expect(server.calls.map(({ bodyHash }) => bodyHash)).to.deep.equal(first.map(({ bodyHash }) => bodyHash));
    expect(new Set(batchIds())).to.have.property("size", 8); // 35,040 readings in batches of 5,000
  });
});
