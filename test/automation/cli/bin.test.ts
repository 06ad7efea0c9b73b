import { expect } from "chai";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { recordingServer } from "./recording-server.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const bin = path.join(repository, "automation", "cli", "bin.sh");
const CLEAN = { PATH: "/usr/bin:/bin" };

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function start(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { ...CLEAN, ...env }, cwd: tmpdir() }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe("bin.sh", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-bin-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("starts through links, relative ones too", async () => {
    await symlink(bin, path.join(folder, "first"));
    await symlink("first", path.join(folder, "second"));
    const { code, stdout } = await start(path.join(folder, "second"), ["--version"]);
    expect([code, stdout]).to.deep.equal([0, "0.1.0\n"]);
  });

  it("refuses an older Node and says how to get the right one", async () => {
    const other = path.join(folder, "install", "automation", "cli");
    await mkdir(other, { recursive: true });
    const copy = path.join(other, "bin.sh");
    await writeFile(copy, await readFile(bin));
    await chmod(copy, 0o755);
    const oldNode = path.join(folder, "node");
    await writeFile(oldNode, "#!/bin/sh\necho 20\n", { mode: 0o755 });
    const { code, stderr } = await start(copy, ["--version"], { PATH: `${folder}:${CLEAN.PATH}` });
    expect(code).to.equal(1);
    expect(stderr).to.contain("'node' is Node 20 (node-too-old)").and.to.contain("npm ci");
  });

  it("finds the service and the token of a home folder", async () => {
    const home = path.join(folder, "home");
    await mkdir(home);
    const server = await recordingServer(() => ({ json: { tenants: [], nextCursor: null } }));
    try {
      const list = () => start(bin, ["tenant", "list", "--json"], { MILLWRIGHT_HOME: home });
      expect((await list()).stderr).to.contain(`No service runs from ${home}`);
      const service = { pid: process.pid, startTime: "1" };
      await writeFile(path.join(home, "run.json"), JSON.stringify({ url: server.url, service }));
      expect((await list()).stderr).to.contain("set MILLWRIGHT_TOKEN");
      await writeFile(path.join(home, "admin-token"), "secret-of-the-home\n", { mode: 0o600 });
      expect(await list()).to.deep.equal({ code: 0, stdout: '{"tenants":[]}\n', stderr: "" });
      expect(server.calls[0]?.headers.authorization).to.equal("Bearer secret-of-the-home");
    } finally {
      await server.close();
    }
  });

  it("examines the machine without changing anything", async () => {
    const home = path.join(folder, "not-there");
    const { stdout } = await start(bin, ["doctor", "--json"], { MILLWRIGHT_HOME: home, PORT: "0" });
    const { findings } = JSON.parse(stdout) as {
      findings: { check: string; state: string; found: string }[];
    };
    expect(findings.map(({ check }) => check)).to.deep.equal([
      "node",
      "packages",
      "embedded postgresql",
      "engine",
      "home",
      "service",
      "log",
    ]);
    expect(findings.find(({ check }) => check === "home")?.found).to.contain("not made yet");
    expect(findings.find(({ check }) => check === "node")?.state).to.equal("ok");
    await rm(home).then(
      () => expect.fail("doctor made the home folder"),
      (error: unknown) => expect((error as NodeJS.ErrnoException).code).to.equal("ENOENT"),
    );
  });
});
