import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkCells, checkService } from "../../../../automation/cli/doctor/running.ts";
import { identify } from "../../../../automation/processes/process-identity.ts";
import { folderSecretStore } from "../../../../data/secret-store.ts";
import { testDatabase } from "../../../support/postgres.ts";
import { recordingServer } from "../recording-server.ts";

describe("what doctor finds running", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "millwright-doctor-"));
  });
  afterEach(() => rm(home, { recursive: true }));

  const recordService = (url: string, service = identify(process.pid)) =>
    writeFile(path.join(home, "run.json"), JSON.stringify({ url, service }));

  it("names the dependency that keeps the service from being ready", async () => {
    const checks = { catalog: { ok: true }, "cell shared-1": { ok: false, code: "database-unavailable" } };
    const server = await recordingServer(() => ({ status: 503, json: { ready: false, checks } }));
    await recordService(server.url);
    const finding = await checkService(home, 1);
    await server.close();
    expect(finding).to.include({ state: "warning", found: `at ${server.url}, not ready: cell shared-1` });
    expect((await checkService(home, 1)).found).to.contain("does not answer");
  });

  it("takes a service whose process is gone for not running, and looks at its port", async () => {
    const server = await recordingServer(() => ({}));
    const port = Number(new URL(server.url).port);
    await recordService(server.url, { pid: process.pid, startTime: "of an earlier process" });
    expect(await checkService(home, port)).to.include({
      state: "wrong",
      found: `not running, and port ${port} is taken`,
    });
    await server.close();
    expect(await checkService(home, port)).to.include({
      state: "ok",
      found: `not running; port ${port} is free`,
    });
  });

  it("tells the edition of each cell, and which one does not answer; shows no password", async () => {
    const { host, port, database, user, password } = await testDatabase();
    const login = { user, password };
    const secret = { host, port, database, admin: login, ingest: login, query: login };
    const secrets = folderSecretStore(path.join(home, "secrets"));
    await secrets.put("cell-shared-1", secret);
    await secrets.put("cell-dedicated-acme", { ...secret, port: 1 });
    const findings = await checkCells(home);
    const stateOf = (check: string) => findings.find((finding) => finding.check === check);
    expect(stateOf("cell shared-1")?.found).to.match(/^plain PostgreSQL \(PostgreSQL 1\d/);
    expect(stateOf("cell dedicated-acme")).to.include({ state: "wrong", found: `${host}:1 does not answer` });
    expect(JSON.stringify(findings)).to.not.contain(password);
  });

  it("finds no cell where nothing was built", async () => {
    expect(await checkCells(home)).to.deep.equal([]);
  });
});
