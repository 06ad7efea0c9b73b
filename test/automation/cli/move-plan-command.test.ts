import { expect } from "chai";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const PLAN = {
  ...{ tenant: "acme", from: { cell: "shared-1", tier: "shared" }, to: { cell: null, tier: "dedicated" } },
  refusals: [] as readonly { readonly code: string; readonly message: string }[],
  estimate: {
    ...{ rows: 5_000_000, bytes: 1.2 * 2 ** 30, copyRowsPerSecond: 200_000, copyRateFrom: "sample" },
    ...{ buildMs: 30_000, copyMs: 25_000, proveMs: 5_000, totalMs: 65_000 },
    pause: { expectedMs: 300, limitMs: 10_000 },
    disk: { neededBytes: 1.5 * 2 ** 30, freeBytes: 74 * 2 ** 30 },
  },
  cost: { source: "quote", beforeUsdPerMonth: 6, afterUsdPerMonth: 500 },
};

describe("millwright move plan", () => {
  let server: RecordingServer;
  let plan: object;
  before(async () => (server = await recordingServer(() => ({ json: { plan } }))));
  after(() => server.close());
  beforeEach(() => (plan = PLAN));

  it("shows what a move would take", async () => {
    const { out, exitCode } = await runCli(server.url, ["move", "plan", "acme", "--to", "dedicated"]);
    expect(server.calls.at(-1)?.target).to.equal("/v1/tenants/acme/move-plan?tier=dedicated");
    expect(out.split("\n")).to.deep.equal([
      "tenant  acme",
      "from    shared-1 (shared)",
      "to      a database of its own (dedicated)",
      "rows    about 5,000,000, 1.2 GiB",
      "takes   about 65 s (build 30 s, copy 25 s, prove 5 s)",
      "copies  200,000 rows/s, by a short sample",
      "disk    needs 1.5 GiB, free 74 GiB",
      "pause   of writes about 300 ms, at most 10 s",
      "cost    6 -> 500 USD/month at list price",
      "Nothing stands against it.",
    ]);
    expect(exitCode).to.equal(0);
  });

  it("shows what stands against it, and ends with 1", async () => {
    const refusals = [
      { code: "budget", message: "It costs 500 USD. Raise the budget." },
      { code: "source-unreachable", message: "It does not answer." },
    ];
    plan = { ...PLAN, to: { cell: "shared-2", tier: "shared" }, refusals, estimate: null, cost: null };
    const args = ["move", "plan", "acme", "--to", "shared", "--cell", "shared-2"];
    const { out, exitCode } = await runCli(server.url, args);
    expect(server.calls.at(-1)?.target).to.equal("/v1/tenants/acme/move-plan?tier=shared&cell=shared-2");
    expect(out).to.match(
      /to +shared-2 \(shared\)\ncost +-\n\nREFUSED +WHY, AND WHAT TO DO\nbudget +It costs/,
    );
    expect(exitCode).to.equal(1);
    const json = await runCli(server.url, [...args, "--json"]);
    expect([JSON.parse(json.out), json.exitCode]).to.deep.equal([{ plan }, 1]);
  });

  it("asks for another server of its own", async () => {
    await runCli(server.url, ["move", "plan", "acme", "--to", "dedicated", "--new-server"]);
    expect(server.calls.at(-1)?.target).to.equal("/v1/tenants/acme/move-plan?tier=dedicated&newServer=true");
  });
});
