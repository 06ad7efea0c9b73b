import { expect } from "chai";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { exclusively, tryLock, unlock } from "../../../automation/processes/lock-file.ts";

describe("a lock file", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-lock-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("lets one work at a time and leaves no file behind", async () => {
    const lock = path.join(folder, "lock");
    let insideCount = 0;
    let mostInside = 0;
    const work = async () => {
      mostInside = Math.max(mostInside, ++insideCount);
      await new Promise((resolve) => setImmediate(resolve));
      insideCount -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => exclusively(lock, work)));
    expect(mostInside).to.equal(1);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("takes the place of a dead owner, and of one whose pid another process has now", async () => {
    const lock = path.join(folder, "lock");
    for (const owner of [
      { pid: 2 ** 22 + 1, startTime: "boot/1" },
      { pid: process.pid, startTime: "an-earlier-boot/1" },
    ]) {
      await writeFile(lock, JSON.stringify(owner));
      expect(await exclusively(lock, () => Promise.resolve("done"))).to.equal("done");
    }
  });

  it("goes to one of many that find a dead owner, or a file that names none, in the same moment", async () => {
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, startTime: "boot/1" });
    for (const [round, left] of Array.from({ length: 8 }, () => [dead, ""])
      .flat()
      .entries()) {
      const lock = path.join(folder, `lock-${round}`);
      await writeFile(lock, left);
      // a take-over that was killed in the middle has left its own lock behind
      if (round % 4 === 0) await writeFile(`${lock}.dead`, dead);
      const owners = await Promise.all(Array.from({ length: 8 }, () => tryLock(lock)));
      expect(owners.filter((owner) => owner === undefined)).to.have.length(1);
      expect(await readdir(folder)).to.deep.equal([`lock-${round}`]);
      await unlock(lock);
    }
  });

  it("is released by a failure and lets a waiter give up", async () => {
    const lock = path.join(folder, "lock");
    const fail = () => Promise.reject(new Error("broken"));
    expect(await exclusively(lock, fail).catch((error: unknown) => String(error))).to.equal("Error: broken");
    const outcome = exclusively(lock, () =>
      exclusively(
        lock,
        () => Promise.resolve(),
        () => {
          throw new Error("too long");
        },
      ),
    );
    expect(await outcome.catch((error: unknown) => String(error))).to.equal("Error: too long");
  });
});
