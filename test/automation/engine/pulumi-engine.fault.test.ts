import { expect } from "chai";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { identify, isAlive, type ProcessIdentity } from "../../../automation/processes/process-identity.ts";
import { eventually } from "../../support/eventually.ts";
import { errorOf, testEngine, type TestEngine } from "./test-engine.ts";

describe("the engine when things die", function () {
  this.timeout(120_000);
  let home: TestEngine;
  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    home = await testEngine();
  });
  after(() => home.remove());

  const childOf = async (stack: string): Promise<ProcessIdentity> => {
    const { pid, startTime } = JSON.parse(await home.recordOf(stack)) as ProcessIdentity;
    return { pid, startTime };
  };

  it("goes on after its child was killed in the middle of a create: same resources, nothing pending", async () => {
    const session = await home.open({ stack: "tenant-killed", files: { k1: "fine", k2: "hold" } });
    const outcome = errorOf(session.up());
    await home.isCreating("k2");
    process.kill((await childOf("tenant-killed")).pid, "SIGKILL");
    expect(await outcome).to.include({ code: "engine-failed", retryable: true });
    await session.close();
    expect(await home.pendingOperations("tenant-killed")).to.have.length.greaterThan(0);

    await home.release();
    const again = await home.open({
      stack: "tenant-killed",
      files: { k1: "fine", k2: "hold" },
      fencingToken: 2n,
    });
    expect(await home.pendingOperations("tenant-killed")).to.deep.equal([]);
    await again.up();
    expect(await again.preview()).to.deep.equal({ same: 3 });
    await again.close();
    expect(await home.written()).to.include.members(["k1", "k2"]);
    expect(await home.locks("tenant-killed")).to.deep.equal([]);
  });

  it("cancels: the CLI ends in order, and the lock is released", async () => {
    await home.hold();
    const cancel = new AbortController();
    const session = await home.open({ stack: "tenant-cancel", files: { c1: "hold" }, signal: cancel.signal });
    const outcome = errorOf(session.up());
    await home.isCreating("c1");
    cancel.abort();
    await home.release();
    expect(await outcome).to.have.property("code", "operation-cancelled");
    expect(await home.locks("tenant-cancel")).to.deep.equal([]);
    expect(await errorOf(session.up())).to.have.property("code", "operation-cancelled");
    await session.close();
  });

  it("kills what a cancel does not end within the grace time", async () => {
    await home.hold();
    const cancel = new AbortController();
    const limits = { cancelGraceMs: 200 };
    const session = await home.open({
      stack: "tenant-grace",
      files: { g1: "hold" },
      signal: cancel.signal,
      limits,
    });
    const outcome = errorOf(session.up());
    await home.isCreating("g1");
    const child = await childOf("tenant-grace");
    cancel.abort();
    expect(await outcome).to.have.property("code", "operation-cancelled");
    expect(isAlive(child)).to.equal(false);
    await session.close();
  });

  it("ends a run that shows no sign of life", async () => {
    await home.hold();
    const limits = { silenceMs: 4_000, cancelGraceMs: 200 };
    const session = await home.open({ stack: "tenant-silent", files: { s1: "hold" }, limits });
    expect(await errorOf(session.up())).to.include({ code: "engine-timeout", retryable: true });
    await session.close();
  });

  it("ends with its parent, and the next owner goes on", async () => {
    await home.hold();
    const parentProgram = fileURLToPath(new URL("parent.ts", import.meta.url));
    const parent = spawn(process.execPath, [parentProgram, home.folder], { stdio: "ignore" });
    await home.isCreating("p1");
    const child = await childOf("tenant-orphan");
    const exited = once(parent, "exit");
    parent.kill("SIGKILL");
    await exited;
    await home.release();
    await eventually("the child ends by itself", () => !isAlive(child));
    expect(identify(child.pid)).to.equal(undefined);
    expect(await home.locks("tenant-orphan")).to.deep.equal([]);

    const session = await home.open({ stack: "tenant-orphan", files: { p1: "hold" }, fencingToken: 2n });
    await session.up();
    await session.close();
    expect(await home.written()).to.include("p1");
  });
});
