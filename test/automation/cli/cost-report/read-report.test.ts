import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { readReport } from "../../../../automation/cli/cost-report/read-report.ts";
import { monthNamed } from "../../../../model/cost/month.ts";
import { MillwrightError } from "../../../../model/errors.ts";

const SAMPLES = path.join(import.meta.dirname, "samples");
const asked = { month: monthNamed("2026-10")!, environment: "production" };
const { signal } = new AbortController();

/** What {@link SAMPLES}/make-samples.py wrote: 62 hours of a server at 0.1071 and of brokers at 0.612, and single lines. */
const OCTOBER = {
  matched: [
    { owner: "shared", component: "time-series", price: "ec2/instance/r7g.large", amount: 6_640_200 },
    { owner: "shared", component: "event-log", price: "msk/broker/kafka.m7g.large", amount: 37_944_000 },
    { owner: "shared", component: "network", price: "nat/hours", amount: 33_480_000 },
    { owner: "acme", component: "time-series", price: "ebs/gp3-storage", amount: 8_000_000 },
    { owner: "acme", component: "functions", price: "lambda/duration/arm64", amount: 1_250_000 },
  ],
  ...{ unmatchedUsd: 7, besidesUseUsd: 6 },
};

describe("a Cost and Usage Report in a file", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(path.join(tmpdir(), "cost-report-"))));
  after(() => rm(folder, { recursive: true }));

  const written = async (content: Buffer | string) => {
    const file = path.join(folder, "report");
    await writeFile(file, content);
    return file;
  };
  const refusalOf = async (content: Buffer | string) => {
    const error: unknown = await readReport([await written(content)], asked, signal).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof MillwrightError ? `${error.code}: ${error.message}` : error;
  };
  const csv = () => readFile(path.join(SAMPLES, "cost-report.csv"));
  const parquet = () => readFile(path.join(SAMPLES, "cost-report.parquet"));

  it("comes to the same as CSV, gzipped CSV and Parquet, told apart by its content", async () => {
    for (const content of [await csv(), gzipSync(await csv()), await parquet()])
      expect(await readReport([await written(content)], asked, signal)).to.deep.equal(OCTOBER);
  });

  it("adds up where it came in several files", async () => {
    const both = ["cost-report.csv", "cost-report.parquet"].map((name) => path.join(SAMPLES, name));
    const { matched, unmatchedUsd } = await readReport(both, asked, signal);
    expect(matched[0]?.amount).to.equal(2 * 6_640_200);
    expect(unmatchedUsd).to.equal(14);
  });

  it("is refused as Parquet that is cut off or damaged, with its path", async () => {
    const whole = await parquet();
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, whole.length - 60, whole.length - 8);
    for (const content of [whole.subarray(0, whole.length / 2), damaged, whole.subarray(0, 4)])
      expect(await refusalOf(content))
        .to.match(/^import-file-unreadable: .*no Parquet file/)
        .and.include(folder);
  });

  it("is refused where it is empty or has not the columns, with their names", async () => {
    expect(await refusalOf("")).to.match(/^import-file-unreadable: .*empty/);
    const text = (await csv()).toString();
    const other = text.replace("line_item_unblended_cost", "lineItem/UnblendedCost");
    expect(await refusalOf(other)).to.match(/^cost-report-invalid: .*no column line_item_unblended_cost/);
    const inEuro = text.replace(",USD,", ",EUR,");
    expect(await refusalOf(inEuro)).to.match(/^cost-report-invalid: .*line 2 of .*\/report is in EUR/);
    expect(await readReport([path.join(folder, "none")], asked, signal).catch(String)).to.include("none");
  });
});
