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

  it("hands in what was paid by stack and price, and shows both sides with each line's error", async () => {
    const line = (price: string, estimateUsd: number, actualUsd: number, errorPercent: number | null) => ({
      ...{ owner: "shared", component: "network", price, estimateUsd, actualUsd, errorPercent },
    });
    const lines = [line("nat/hours", 40, 33.48, 19.47), line("ipv4/hours", 5, 0, null)];
    const total = { estimateUsd: 45, actualUsd: 87.31, errorPercent: -48.46 };
    answer = { json: { comparison: { total, lines } } };
    const { exitCode, out } = await runCli(server.url, compare);
    expect(exitCode).to.equal(0);
    const call = server.calls.at(-1);
    expect(call).to.include({ method: "PUT", target: "/v1/cost/actual/2026-10?dryRun=true" });
    expect(call?.body).to.deep.equal({
      lines: [
        { owner: "shared", component: "time-series", price: "ec2/instance/r7g.large", usd: 6.6402 },
        { owner: "shared", component: "event-log", price: "msk/broker/kafka.m7g.large", usd: 37.944 },
        { owner: "shared", component: "network", price: "nat/hours", usd: 33.48 },
        { owner: "acme", component: "time-series", price: "ebs/gp3-storage", usd: 8 },
        { owner: "acme", component: "functions", price: "lambda/duration/arm64", usd: 1.25 },
      ],
      ...{ unmatchedUsd: 7, besidesUseUsd: 6 },
    });
    expect(out).to.match(/shared +network +nat\/hours +40\.00 +33\.48 +19\.5/);
    expect(out).to.match(/ipv4\/hours +5\.00 +0\.00 +-/);
    expect(out).to.match(/TOTAL[- ]+45\.00 +87\.31 +-48\.5/);
    expect(out).to.include("not matched: 7.00 USD; taxes, support, fees, refunds: 6.00 USD");
  });

  it("has it kept with --keep", async () => {
    expect((await runCli(server.url, [...compare, "--keep"])).exitCode).to.equal(0);
    expect(server.calls.at(-1)?.target).to.equal("/v1/cost/actual/2026-10?dryRun=false");
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
