import { expect } from "chai";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const URN =
  "urn:pulumi:tenant-acme::millwright::millwright:tiers:Tenant$postgresql:index/role:Role::acme-writer";
const drift = {
  ...{ stack: "tenant-acme", tenant: "acme", checkedAt: "2026-11-21T02:10:00.000Z", status: "drifted" },
  differences: [
    { urn: URN, kind: "changed", properties: [{ name: "connectionLimit", expected: -1, found: 7 }] },
    { urn: "urn:a::b::c$index/schema:Schema::acme", kind: "gone", properties: [] },
  ],
};

describe("millwright tenant health, millwright drift", () => {
  let server: RecordingServer;
  let status = "unknown";
  before(async () => {
    const parts = () => ({
      dataPath: { status: "ok", reason: null, facts: { lastStoredAt: "2026-11-21T09:00:00.000Z" } },
      disk: { status, reason: "100 MiB are free", facts: null },
    });
    server = await recordingServer(({ target }) => {
      if (target.includes("/health"))
        return {
          json: { health: { tenant: "acme", at: "2026-11-21T09:01:00.000Z", status, parts: parts() } },
        };
      return { json: target.startsWith("/v1/drift") ? { stacks: [drift] } : { drift } };
    });
  });
  after(() => server.close());

  it("shows each part with its reason, and fails when one is not well", async () => {
    const well = await runCli(server.url, ["tenant", "health", "acme"]);
    expect(well.exitCode).to.equal(0);
    expect(well.out)
      .to.match(/^acme is unknown at 2026-11-21T09:01/)
      .and.to.match(/disk +unknown +100 MiB are free/);
    expect(well.out).to.match(/data path +ok +stored up to 2026-11-21T09:00/);
    status = "down";
    expect((await runCli(server.url, ["tenant", "health", "acme"])).exitCode).to.equal(1);
  });

  it("shows what differs, and looks on demand", async () => {
    const { out } = await runCli(server.url, ["drift", "acme"]);
    expect(out)
      .to.match(/index\/role:Role acme-writer +connectionLimit +-1 +7/)
      .and.to.match(/Schema acme +gone/);
    expect((await runCli(server.url, ["drift"])).out).to.match(/tenant-acme +drifted +2 /);
    expect(server.calls.at(-1)?.method).to.equal("GET");
    await runCli(server.url, ["drift", "acme", "--now"]);
    expect(server.calls.at(-1)).to.include({ method: "POST", target: "/v1/tenants/acme/drift" });
    expect((await runCli(server.url, ["drift", "--now"])).exitCode).to.equal(2);
  });
});
