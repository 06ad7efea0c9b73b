import { expect } from "chai";
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { EngineEvent } from "../../../automation/engine/engine.ts";
import type { MillwrightError } from "../../../model/errors.ts";
import { errorOf, testEngine, type TestEngine } from "./test-engine.ts";

describe("a stack under the real engine", function () {
  this.timeout(120_000);
  let home: TestEngine;
  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    home = await testEngine();
  });
  after(() => home.remove());

  it("previews, deploys, shows its outputs, changes nothing the second time, and goes without a trace", async () => {
    const files = { one: "1", two: "2" };
    const first = await home.open({ stack: "tenant-life", files, token: "token-of-life" });
    expect(await first.preview()).to.deep.equal({ create: 3 });
    expect(await home.written()).to.deep.equal([]);
    expect(await first.up()).to.deep.equal({ create: 3 });
    expect(await home.written()).to.deep.equal(["one", "two"]);
    expect(await first.outputs()).to.deep.equal({
      names: ["one", "two"],
      token: "token-of-life",
      generated: "gen-77-secret",
    });
    await first.close();

    const second = await home.open({ stack: "tenant-life", files, token: "token-of-life", fencingToken: 2n });
    expect(await second.outputs()).to.include({ token: "token-of-life", generated: "gen-77-secret" });
    expect(await second.preview()).to.deep.equal({ same: 3 });
    expect(await second.destroy()).to.deep.equal({ delete: 3 });
    expect(await home.written()).to.deep.equal([]);
    expect(await second.destroy()).to.deep.equal({});
    await second.close();
    expect(await home.filesNaming("tenant-life")).to.deep.equal(["engine/tenant-life.json"]);
    expect(await readdir(home.layout.work)).to.deep.equal([]);
  });

  it("keeps secrets out of argv, of its files and of every message", async () => {
    const token = "tok/en with-$pecial%chars";
    const watch = await home.recordArguments();
    const events: EngineEvent[] = [];
    const session = await watch.open({
      stack: "tenant-secret",
      files: { one: "fail" },
      token,
      onEvent: (event) => events.push(event),
    });
    const error = await errorOf(session.up());
    await session.close();
    expect(error.code).to.equal("engine-failed");
    expect(error.message).to.include("cannot write with token [secret]");
    const texts = JSON.stringify([events, error.message, error.fields, await watch.argumentLines()]);
    expect(texts).to.include("[secret]").and.to.include("--policy-pack").and.to.include("set");
    for (const form of [token, encodeURIComponent(token)]) expect(texts).to.not.include(form);
    const settings = await readFile(path.join(home.layout.project, "Pulumi.tenant-secret.yaml"), "utf8");
    expect(settings).to.include("millwright:token:\n    secure: v1:").and.to.not.include(token);
    expect(JSON.parse(await home.recordOf("tenant-secret"))).to.have.keys(
      "pid",
      "startTime",
      "host",
      "fencingToken",
    );
  });

  it("removes config that is left out", async () => {
    const session = await home.open({ stack: "tenant-config", files: {}, token: "first-token" });
    await session.up();
    await session.close();
    const next = await home.open({ stack: "tenant-config", files: {}, fencingToken: 2n });
    await next.up();
    expect(await next.outputs()).to.include({ token: "none" });
    await next.close();
  });

  it("refuses what the policy refuses, before anything is made, and says what and why", async () => {
    const session = await home.open({
      stack: "tenant-policy",
      files: { bad: "forbidden words", good: "fine" },
    });
    const error = await errorOf(session.preview());
    expect(error.code).to.equal("policy-refused");
    expect(error.fields).to.have.length(1);
    expect(error.fields[0]?.pointer).to.equal("/policies/no-forbidden-text");
    expect(error.fields[0]?.message)
      .to.include("bad: ")
      .and.to.include("the text forbidden words is not allowed");
    expect(await errorOf(session.up())).to.have.property("code", "policy-refused");
    await session.close();
    expect(await home.written()).to.not.include("bad");
  });

  it("deploys nothing without its policy pack", async () => {
    const opened = home.open({
      stack: "tenant-open",
      files: {},
      policyPackDir: path.join(home.layout.work, "none"),
    });
    expect(await errorOf(opened)).to.have.property("code", "engine-failed");
  });

  it("tells what is wrong with a program that cannot run", async () => {
    const session = await home.open({
      stack: "tenant-broken",
      files: {},
      config: { "millwright:files": "no JSON" },
    });
    expect((await errorOf(session.preview())).message).to.include("millwright:files");
    await session.close();
  });

  it("gives the stack to a newer owner only, and ends the older one's child", async () => {
    const old = await home.open({ stack: "tenant-fence", files: { f1: "hold" }, fencingToken: 5n });
    const outcome = errorOf(old.up());
    await home.isCreating("f1");
    const newer = await home.open({ stack: "tenant-fence", files: { f1: "held no more" }, fencingToken: 6n });
    expect((await outcome).code).to.equal("engine-failed");
    const late = home.open({ stack: "tenant-fence", files: {}, fencingToken: 5n });
    expect(await errorOf(late)).to.have.property("code", "operation-fenced");
    expect(await newer.up()).to.deep.equal({ create: 1, same: 1 });
    await newer.close();
    await old.close();
  });

  it("refuses a stack that a live process has locked, and goes on when that has ended", async () => {
    const lock = await home.lock("tenant-locked", process.pid);
    const error: MillwrightError = await errorOf(home.open({ stack: "tenant-locked", files: {} }));
    expect(error).to.include({ code: "stack-locked", retryable: true });
    await rm(lock);
    const session = await home.open({ stack: "tenant-locked", files: {} });
    await home.lock("tenant-locked", process.pid);
    expect(await errorOf(session.up())).to.include({ code: "stack-locked", retryable: true });
    await session.close();
    expect(existsSync(lock)).to.equal(true);
  });
});
