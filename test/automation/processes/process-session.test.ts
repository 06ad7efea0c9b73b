import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { identify, isAlive } from "../../../automation/processes/process-identity.ts";
import { endSession } from "../../../automation/processes/process-session.ts";

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
    const identity = identify(leaderPid)!;
    const grandchild = identify(grandchildPid)!;
    await endSession(identity);
    expect(isAlive(identity)).to.equal(false);
    expect(isAlive(grandchild)).to.equal(false);
  });

  it("ends what a killed leader left behind", async () => {
    const identity = identify(leaderPid)!;
    const grandchild = identify(grandchildPid)!;
    leader.kill("SIGKILL");
    await once(leader, "exit");
    expect(isAlive(grandchild)).to.equal(true);
    await endSession(identity);
    expect(isAlive(grandchild)).to.equal(false);
  });

  it("leaves a process alone that only has the same pid", async () => {
    const identity = identify(leaderPid)!;
    await endSession({ ...identity, startTime: `${identity.startTime}0` });
    await endSession({ ...identity, startTime: "another-boot/1" });
    expect(isAlive(identity)).to.equal(true);
    await endSession(identity);
  });
});
