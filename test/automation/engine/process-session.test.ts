import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  endSession,
  isRunning,
  processIdentity,
  processStartedAt,
} from "../../../automation/engine/process-session.ts";

/** Leads a session and starts a grandchild, which is in a process group of its own, as a plugin of the CLI is. */
const LEADER = `
  const { spawn } = require("node:child_process");
  const shell = spawn("bash", ["-c", "set -m; sleep 1000 & echo $!; wait"], { stdio: ["ignore", "pipe", "inherit"] });
  shell.stdout.on("data", (text) => process.stdout.write(text));
  setInterval(() => undefined, 1000);
`;

describe("process session", () => {
  let leader: ChildProcess;
  let leaderPid = 0;
  let grandchildPid = 0;

  beforeEach(async () => {
    leader = spawn(process.execPath, ["-e", LEADER], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [text] = (await once(leader.stdout!, "data")) as [Buffer];
    leaderPid = leader.pid!;
    grandchildPid = Number(text.toString());
  });

  it("ends the leader and a grandchild in another group", async () => {
    const identity = (await processIdentity(leaderPid))!;
    const grandchild = (await processIdentity(grandchildPid))!;
    await endSession(identity);
    expect(await isRunning(identity)).to.equal(false);
    expect(await isRunning(grandchild)).to.equal(false);
  });

  it("ends what a killed leader left behind", async () => {
    const identity = (await processIdentity(leaderPid))!;
    const grandchild = (await processIdentity(grandchildPid))!;
    leader.kill("SIGKILL");
    await once(leader, "exit");
    expect(await isRunning(grandchild)).to.equal(true);
    await endSession(identity);
    expect(await isRunning(grandchild)).to.equal(false);
  });

  it("leaves a process alone that only has the same pid", async () => {
    const identity = (await processIdentity(leaderPid))!;
    await endSession({ ...identity, start: `${identity.start}0` });
    await endSession({ ...identity, start: "another-boot/1" });
    expect(await isRunning(identity)).to.equal(true);
    await endSession(identity);
  });

  it("knows when a process started, and that a dead one did not", async () => {
    const startedAt = (await processStartedAt(leaderPid))!;
    expect(Math.abs(Date.now() - startedAt)).to.be.lessThan(60_000);
    const identity = (await processIdentity(leaderPid))!;
    await endSession(identity);
    expect(await processStartedAt(leaderPid)).to.equal(undefined);
  });
});
