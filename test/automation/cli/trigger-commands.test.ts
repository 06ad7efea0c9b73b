import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const REASONS = [{ metric: "ingestedGbPerDay", value: 120.5, limit: 100 }];
const DECISION = { tenant: "acme", direction: "upgrade", decidedAt: "2026-11-21T09:00:00.000Z" };

describe("millwright trigger", () => {
  let server: RecordingServer;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-triggers-"));
    server = await recordingServer(({ target }) => ({
      json: target.endsWith("/replay")
        ? {
            decisions: [{ ...DECISION, reasons: REASONS, startedAt: null, holds: [{ gate: "budget" }] }],
            ...{ dedicatedHourCount: 1_500, dedicatedUsd: 1_027.4 },
          }
        : {
            decisions: [
              {
                ...DECISION,
                id: "d-1",
                status: "recommended",
                holds: [{ gate: "capacity" }],
                evidence: { reasons: REASONS },
              },
              {
                ...{ ...DECISION, id: "d-0", status: "refused" },
                ...{ holds: [{ gate: "budget" }], evidence: { reasons: REASONS } },
              },
            ],
          },
    }));
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it("replays a set of triggers from a file, as GET shows it, and shows what would have happened", async () => {
    const file = path.join(folder, "triggers.json");
    await writeFile(file, JSON.stringify({ triggers: { hysteresis: 0.2 }, version: 3 }));
    const args = [
      "triggers",
      "replay",
      "--from",
      "2026-11-01T00:00:00Z",
      "--to",
      "2026-11-02T00:00:00Z",
      "--config",
      file,
    ];
    const { out, exitCode } = await runCli(server.url, args);
    expect(server.calls.at(-1)?.body).to.deep.equal({
      ...{ from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z" },
      config: { hysteresis: 0.2 },
    });
    expect(out).to.match(
      /acme +upgrade +ingestedGbPerDay 120\.5 \(100\) +budget\n1,500 hours .* 1,027\.4 USD/,
    );
    expect(exitCode).to.equal(0);
  });

  it("lists decisions with what they wait for", async () => {
    const { out } = await runCli(server.url, ["trigger", "decisions", "--tenant", "acme"]);
    expect(server.calls.at(-1)?.target).to.equal("/v1/triggers/decisions?tenant=acme");
    expect(out).to.match(/d-1 .* recommended +ingestedGbPerDay 120\.5 \(100\) +capacity/);
    expect(out, "nothing waits that has ended").to.match(
      /d-0 .* refused +ingestedGbPerDay 120\.5 \(100\) +-$/,
    );
  });
});
