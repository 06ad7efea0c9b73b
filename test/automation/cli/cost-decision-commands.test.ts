import { expect } from "chai";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ADMIN_TOKEN, TestApi } from "../../support/api.ts";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

/** The service's own answers, told again by a server that knows nothing: what the commands read is what it says. */
describe("millwright cost", () => {
  let api: TestApi;
  let server: RecordingServer;
  let folder: string;
  const answers = new Map<string, object>();
  before(async () => {
    api = await TestApi.start();
    for (const name of ["projection", "options", "recommendations"])
      answers.set(
        name,
        (await api.call("GET", `/v1/cost/${name}`, undefined, { token: ADMIN_TOKEN })).body as object,
      );
    server = await recordingServer(({ target }) => {
      const name = /^\/v1\/cost\/([a-z]+)/.exec(target)?.[1] ?? "";
      return { json: answers.get(name) ?? { page: "report" } };
    });
    folder = await mkdtemp(path.join(os.tmpdir(), "millwright-cost-"));
  });
  after(async () => {
    await server.close();
    await api.close();
    await rm(folder, { recursive: true });
  });

  it("shows a projection, and what is assumed in it", async () => {
    const { out, exitCode } = await runCli(server.url, [
      ...["cost", "projection", "--tenants", "3,10", "--price", "1200", "--tenants-per-month", "2"],
    ]);
    expect(server.calls.at(-1)?.target).to.equal(
      "/v1/cost/projection?tenants=3%2C10&priceUsdPerTenant=1200&tenantsPerMonth=2",
    );
    expect(out).to.match(/^TENANTS +USD +LOW +HIGH/);
    expect(out).to.match(/\n1,000 +\d+,\d{3}/);
    expect(out).to.match(/\nbudgetUsdPerMonth +50000 +document 000/);
    expect(exitCode).to.equal(0);
  });

  it("shows the options, and the sums that do not hold", async () => {
    const { out } = await runCli(server.url, ["cost", "options"]);
    expect(out).to.match(/\nD +Timestream and Grafana +4,204\.7/);
    expect(out).to.match(/\n004\/total +corrected +\$3,965 +4,286/);
    expect(out).to.not.match(/\n000\/machines /);
  });

  it("shows recommendations, without a saving where a price is missing", async () => {
    const { out } = await runCli(server.url, ["cost", "recommendations"]);
    expect(out).to.match(/\ncommitment +ec2\/instance +no price/);
  });

  it("writes the report into a file", async () => {
    const file = path.join(folder, "cost.html");
    const { out, exitCode } = await runCli(server.url, ["cost", "report", "--out", file]);
    expect(out).to.equal(file);
    expect(await readFile(file, "utf8")).to.include("report");
    expect(exitCode).to.equal(0);
  });
});
