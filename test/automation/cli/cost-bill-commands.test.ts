import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { recordingServer, type Answer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const month = {
  ...{ month: "2026-11", to: "2026-11-21T10:00:00.000Z", closedAt: null, totalUsd: 1_234.5 },
  ...{ budgetUsdPerMonth: 2_000, forecast: { lowUsd: 1_700, expectedUsd: 1_800, highUsd: 2_100 } },
};

describe("millwright cost bill", () => {
  let server: RecordingServer;
  let answer: Answer;
  let folder: string;
  before(async () => {
    server = await recordingServer(() => answer);
    folder = await mkdtemp(path.join(tmpdir(), "bills-"));
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it("shows all tenants, what none pays, the budget and the month's end as foreseen", async () => {
    const tenants = [{ tenant: "acme", totalUsd: 34.5 }];
    answer = { json: { cost: { ...month, unattributedUsd: 1_200, tenants } } };
    const { exitCode, out } = await runCli(server.url, ["cost", "bill"]);
    expect(exitCode).to.equal(0);
    expect(server.calls.at(-1)?.target).to.equal("/v1/cost");
    expect(out).to.match(/acme +34\.50\nwhat no tenant pays +1,200\.00\nTOTAL +1,234\.50/);
    expect(out)
      .to.match(/closed +not yet/)
      .and.match(/budget +2,000\.00 USD/);
    expect(out).to.include("1,800.00 USD (1,700.00 to 2,100.00)");
  });

  it("shows a tenant's bill line by line", async () => {
    const line = {
      component: "network",
      kind: "shared",
      of: "natGateway vpc-1",
      unit: "hour",
      quantity: 4.9,
    };
    const closed = { ...month, closedAt: "2026-12-01T06:00:00Z", budgetUsdPerMonth: null, forecast: null };
    answer = { json: { cost: { ...closed, lines: [{ ...line, usd: 34.5 }] } } };
    const { out } = await runCli(server.url, ["cost", "bill", "--tenant", "acme", "--month", "2026-11"]);
    expect(server.calls.at(-1)?.target).to.equal("/v1/cost?tenant=acme&month=2026-11");
    expect(out).to.match(/network +shared +natGateway vpc-1 +4\.9 hour +34\.50\nTOTAL/);
    expect(out)
      .to.match(/budget +none/)
      .and.not.include("foreseen");
  });

  it("writes all lines into a file, in the format that is asked for", async () => {
    const out = path.join(folder, "focus.csv");
    answer = { raw: (response) => response.end("BilledCost,BillingCurrency\n1.5,USD\n") };
    const args = ["cost", "export", "--month", "2026-10", "--format", "focus", "--out", out];
    expect((await runCli(server.url, args)).exitCode).to.equal(0);
    expect(server.calls.at(-1)?.target).to.equal("/v1/cost/export?format=focus&month=2026-10");
    expect(await readFile(out, "utf8")).to.equal("BilledCost,BillingCurrency\n1.5,USD\n");
    const nowhere = await runCli(server.url, [...args.slice(0, -1), path.join(folder, "none/focus.csv")]);
    expect(nowhere.exitCode).not.to.equal(0);
    expect(nowhere.err).to.include("none/focus.csv");
  });
});
