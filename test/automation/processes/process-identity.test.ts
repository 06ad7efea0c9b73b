import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  endProcess,
  identify,
  identifySelf,
  isAlive,
  startedAt,
} from "../../../automation/processes/process-identity.ts";

describe("process identity", () => {
  let child: ChildProcess;
  const start = async (program: string): Promise<number> => {
    child = spawn(process.execPath, ["-e", `${program}; console.log("on")`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout!, "data");
    return child.pid!;
  };
  afterEach(() => child.kill("SIGKILL"));

  it("tells a process from another one that has its pid", async () => {
    const identity = identify(await start("setInterval(() => {}, 1000)"))!;
    expect(isAlive(identity)).to.equal(true);
    expect(isAlive({ ...identity, startTime: identifySelf().startTime })).to.equal(false);
    await endProcess({ ...identity, startTime: "another-boot/1" }, 0);
    expect(isAlive(identity)).to.equal(true);
  });

  it("ends a process that ignores SIGTERM", async () => {
    const identity = identify(await start(`process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`))!;
    await endProcess(identity, 50);
    expect(isAlive(identity)).to.equal(false);
  });

  it("knows when a process started, and that a dead one did not", async () => {
    const pid = await start("setInterval(() => {}, 1000)");
    expect(Math.abs(Date.now() - startedAt(pid)!)).to.be.lessThan(60_000);
    await endProcess(identify(pid)!, 0);
    expect(startedAt(pid)).to.equal(undefined);
  });
});
