import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { breakDeadLocks } from "../../../automation/engine/recovery.ts";
import { folderStore } from "../../../automation/engine/state-store.ts";
import type { MillwrightError } from "../../../model/errors.ts";

describe("locks of the state backend", () => {
  let state = "";
  let lockFile = "";
  const store = () => folderStore(path.join(state, ".pulumi"));
  const deadPid = spawnSync("true").pid;

  beforeEach(async () => {
    state = await mkdtemp(path.join(tmpdir(), "millwright-locks-"));
    const folder = path.join(state, ".pulumi", "locks", "organization", "millwright", "tenant-a");
    await mkdir(folder, { recursive: true });
    lockFile = path.join(folder, "0b2f.json");
  });
  afterEach(() => rm(state, { recursive: true }));

  const writeLock = (lock: object) =>
    writeFile(
      lockFile,
      JSON.stringify({ pid: deadPid, username: "ann", hostname: hostname(), timestamp: new Date(), ...lock }),
    );
  const refusal = () =>
    breakDeadLocks(store(), "tenant-a").then(
      () => undefined,
      (error: unknown) => error,
    );

  it("breaks the lock of a dead process of this host", async () => {
    await writeLock({});
    await breakDeadLocks(store(), "tenant-a");
    expect(existsSync(lockFile)).to.equal(false);
  });

  it("breaks a lock whose pid was given to a later process", async () => {
    await writeLock({ pid: process.pid, timestamp: new Date(Date.now() - 86_400_000) });
    await breakDeadLocks(store(), "tenant-a");
    expect(existsSync(lockFile)).to.equal(false);
  });

  it("respects the lock of a live process and names its owner", async () => {
    await writeLock({ pid: process.pid });
    const error = (await refusal()) as MillwrightError;
    expect(error).to.include({ code: "stack-locked", retryable: true });
    expect(error.message).to.include(`process ${process.pid} of ann on ${hostname()}`);
    expect(existsSync(lockFile)).to.equal(true);
  });

  it("respects a lock of another host, unless that is where the ended owner ran", async () => {
    await writeLock({ hostname: "container-1" });
    expect(await refusal()).to.have.property("code", "stack-locked");
    expect(existsSync(lockFile)).to.equal(true);
    await breakDeadLocks(store(), "tenant-a", { host: "container-1", mayRun: false });
    expect(existsSync(lockFile)).to.equal(false);
  });

  it("respects a lock that it cannot read", async () => {
    await writeFile(lockFile, "{");
    expect(await refusal()).to.have.property("code", "stack-locked");
    expect(existsSync(lockFile)).to.equal(true);
  });

  it("leaves a stack without locks, and one that never was, alone", async () => {
    await breakDeadLocks(store(), "tenant-a");
    await breakDeadLocks(store(), "tenant-unknown");
  });
});
