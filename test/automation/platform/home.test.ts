import { expect } from "chai";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { claimHome, readRunFile } from "../../../automation/platform/home.ts";
import { identify, isAlive } from "../../../automation/processes/process-identity.ts";
import { hasCode } from "../../../model/errors.ts";

describe("the home folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-home-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("belongs to one live service at a time", async () => {
    const home = await claimHome(folder);
    await claimHome(folder).then(
      () => expect.fail("claimed twice"),
      (error: unknown) => expect(hasCode(error, "home-in-use")).to.equal(true),
    );
    await home.release();
    await (await claimHome(folder)).release();
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("is taken over from a dead service, whose left processes are ended", async () => {
    const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const host = identify(orphan.pid ?? 0);
    const dead = { pid: 2 ** 22 + 1, startTime: "1" };
    await writeFile(path.join(folder, "run.json.lock"), JSON.stringify(dead));
    await writeFile(path.join(folder, "run.json"), JSON.stringify({ service: dead, host }));
    const ended = once(orphan, "exit");

    const home = await claimHome(folder);
    await ended;
    expect(isAlive(host!)).to.equal(false);
    expect((await readRunFile(folder))?.service.pid).to.equal(process.pid);
    await home.release();
  });

  it("does not end a stranger that got the pid of a dead process", async () => {
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const dead = { pid: 2 ** 22 + 1, startTime: "1" };
    const recorded = { pid: stranger.pid, startTime: "before the stranger" };
    await writeFile(path.join(folder, "run.json"), JSON.stringify({ service: dead, host: recorded }));

    await (await claimHome(folder)).release();
    expect(identify(stranger.pid ?? 0)).to.not.equal(undefined);
    stranger.kill("SIGKILL");
  });

  it("is taken by exactly one of several starts that find the same dead lock", async () => {
    await writeFile(path.join(folder, "run.json.lock"), JSON.stringify({ pid: 2 ** 22 + 1, startTime: "1" }));
    const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimHome(folder)));
    expect(claims.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });
});
