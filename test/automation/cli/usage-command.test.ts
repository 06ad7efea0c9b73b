import { expect } from "chai";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

describe("millwright usage", () => {
  let server: RecordingServer;
  before(async () => {
    const bucket = {
      from: "2026-11-21T09:00:00.000Z",
      rowCount: 1_234_567,
      byteCount: 9,
      queryCount: 3,
      queryMs: 4.5,
    };
    server = await recordingServer(() => ({
      json: { usage: [{ ...bucket, directQueryCount: null, violationCount: 2, storageBytes: 8_192 }] },
    }));
  });
  after(() => server.close());

  it("shows what a tenant used, and a dash for what the database does not say", async () => {
    const { out, exitCode } = await runCli(server.url, [
      "usage",
      "acme",
      "--per",
      "day",
      "--from",
      "2026-11-01T00:00:00Z",
    ]);
    expect(server.calls.at(-1)?.target).to.equal(
      "/v1/usage?tenant=acme&from=2026-11-01T00%3A00%3A00Z&per=day",
    );
    expect(out.split("\n")[1]).to.match(/^2026-11-21T09:00:00\.000Z +1,234,567 +9 +3 +4\.5 +- +2 +8,192$/);
    expect(exitCode).to.equal(0);
  });
});
