import path from "node:path";
import { expect } from "chai";
import { recordingServer, type Answer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const REPORT = path.join(import.meta.dirname, "cost-report/samples/cost-report.parquet");
const compare = ["cost", "compare", REPORT, "--month", "2026-10"];
const verify = ["cost", "verify", "--month", "2026-10"];

describe("millwright cost compare", () => {
  let server: RecordingServer;
  let answer: Answer;
  before(async () => (server = await recordingServer(() => answer)));
  after(() => server.close());

  it("shows each line's estimate, actual cost and error, and what matched nothing", async () => {
    const stacks = [
      { owner: "shared", component: "network", usd: 40 },
      { owner: "shared", component: "archive", usd: 5 },
    ];
    answer = { json: { cost: { stacks } } };
    const { exitCode, out } = await runCli(server.url, compare);
    expect(exitCode).to.equal(0);
    expect(server.calls.at(-1)).to.include({ method: "GET", target: "/v1/cost?month=2026-10" });
    expect(out).to.match(/shared +network +40\.00 +33\.48 +19\.5/);
    expect(out).to.match(/shared +archive +5\.00 +0\.00 +-/);
    expect(out).to.match(/acme +functions +0\.00 +1\.25 +-100\.0/);
    expect(out).to.match(/TOTAL +\S* +45\.00 +87\.31/);
    expect(out).to.include("not matched: 7.00 USD; taxes, support, fees, refunds: 6.00 USD");
  });

  it("hands in what was paid with --keep, and shows the answer", async () => {
    const total = { estimateUsd: 90, actualUsd: 87.31, errorPercent: 3.08 };
    answer = { json: { comparison: { total, lines: [] } } };
    const { exitCode, out } = await runCli(server.url, [...compare, "--keep"]);
    expect(exitCode).to.equal(0);
    expect(server.calls.at(-1)).to.include({ method: "PUT", target: "/v1/cost/actual/2026-10" });
    expect(server.calls.at(-1)?.body).to.deep.equal({
      usdByStack: {
        shared: { "time-series": 6.6402, "event-log": 37.944, network: 33.48 },
        acme: { "time-series": 8, functions: 1.25 },
      },
      ...{ unmatchedUsd: 7, besidesUseUsd: 6 },
    });
    expect(out).to.match(/TOTAL +\S* +90\.00 +87\.31 +3\.1/);
  });

  it("refuses what is no month and a file that is not there, before it asks anybody", async () => {
    const asked = server.calls.length;
    const noMonth = await runCli(server.url, ["cost", "compare", REPORT, "--month", "October"]);
    expect(noMonth.exitCode).not.to.equal(0);
    expect(noMonth.err).to.include("'October' is no month");
    const noFile = await runCli(server.url, ["cost", "compare", "/none.parquet", "--month", "2026-10"]);
    expect(noFile.exitCode).not.to.equal(0);
    expect(noFile.err).to.include("/none.parquet");
    expect(server.calls.length).to.equal(asked);
  });

  it("verifies a month, and fails where it is not as it was closed", async () => {
    const of = (recomputed: string) => ({
      ...{ month: "2026-10", isIntact: recomputed === "aa", kept: "aa", recomputed, stored: "aa" },
    });
    answer = { json: of("aa") };
    expect(await runCli(server.url, verify)).to.include({ exitCode: 0 });
    expect(server.calls.at(-1)?.target).to.equal("/v1/cost/verification?month=2026-10");
    answer = { json: of("bb") };
    const { exitCode, out } = await runCli(server.url, verify);
    expect(exitCode).to.equal(1);
    expect(out).to.include("is NOT as it was closed");
  });
});
