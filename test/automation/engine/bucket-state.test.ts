import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { motoServer } from "../../support/notify-servers.ts";
import { lendEnvironment, stateBucket } from "../../support/state-bucket.ts";
import { errorOf, openTestEngine, type TestEngine } from "./test-engine.ts";

const STACK = "tenant-bucket";

describe("the engine with its state in a bucket (S3 and KMS of moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let folder: string;
  let state: Awaited<ReturnType<typeof stateBucket>>;
  const engines: TestEngine[] = [];
  let giveBack: () => void;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    moto = await motoServer(this);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-bucket-"));
    state = await stateBucket(moto.url);
    giveBack = lendEnvironment(state.environment);
  });
  after(async () => {
    giveBack();
    await Promise.all(engines.map((engine) => engine.remove()));
    await rm(folder, { recursive: true, force: true });
    await moto.close();
  });

  /** As a task that was just started: with a home of its own. */
  async function newTask(): Promise<TestEngine> {
    const engine = await openTestEngine(await mkdtemp(path.join(folder, "task-")), state);
    engines.push(engine);
    return engine;
  }

  it("builds a stack that another task takes over, with its secrets, and removes", async () => {
    const first = await newTask();
    const files = { a: "alpha", b: "beta" };
    const session = await first.open({ stack: STACK, files, token: "hunter2" });
    expect(await session.up()).to.deep.include({ create: 3 });
    await session.close();
    expect(await state.read(`/.pulumi/stacks/millwright/${STACK}.json`))
      .to.match(/awskms/)
      .and.not.match(/hunter2/);
    expect(await readdir(first.layout.state), "nothing of it on the task's disk").to.deep.equal([]);

    const second = await newTask();
    const next = await second.open({
      stack: STACK,
      files: { a: "alpha" },
      token: "hunter2",
      fencingToken: 2n,
    });
    expect(await next.outputs()).to.not.deep.equal({});
    expect(await next.destroy()).to.have.property("delete");
    await next.close();
    expect(await state.read("?list-type=2")).to.not.include(
      `<Key>.pulumi/stacks/millwright/${STACK}.json</Key>`,
    );
  });

  const recordKey = (stack: string) => `/.pulumi/millwright/${stack}.json`;
  const locksOf = async (stack: string): Promise<readonly string[]> => {
    const prefix = `.pulumi/locks/organization/millwright/${stack}/`;
    const listed = await state.read(`?list-type=2&prefix=${encodeURIComponent(prefix)}`);
    return [...listed.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => `/${key}`);
  };
  const change = async (object: string, facts: object) => {
    const known = JSON.parse(await state.read(object)) as object;
    await state.write(object, JSON.stringify({ ...known, ...facts }));
  };

  /** A run of a task that was killed in its middle, as a task on another machine finds it. */
  async function killedRun(stack: string): Promise<void> {
    const task = await newTask();
    const session = await task.open({ stack, files: { a: "hold" } });
    const outcome = errorOf(session.up());
    await task.isCreating("a");
    const { pid } = JSON.parse(await state.read(recordKey(stack))) as { pid: number };
    process.kill(pid, "SIGKILL");
    await outcome;
    await session.close();
    const [lock] = await locksOf(stack);
    await change(lock!, { hostname: "task-1" });
    await change(recordKey(stack), { host: "task-1" });
  }

  it("takes the lock of a killed run of ours away, and goes on where it ended", async () => {
    const stack = "tenant-killed";
    await killedRun(stack);
    const next = await newTask();
    await next.release();
    const session = await next.open({ stack, files: { a: "hold" }, fencingToken: 2n });
    expect(await locksOf(stack)).to.deep.equal([]);
    await session.up();
    expect(await session.preview()).to.deep.equal({ same: 2 });
    await session.close();
    expect(await next.written()).to.deep.equal(["a"]);
  });

  it("leaves a lock of anybody else, and a stack that has a newer owner", async () => {
    const stack = "tenant-foreign";
    await killedRun(stack);
    const [lock] = await locksOf(stack);
    await change(lock!, { hostname: "laptop-of-ann" });
    const next = await newTask();
    const locked = await errorOf(next.open({ stack, files: {}, fencingToken: 2n }));
    expect(locked).to.include({ code: "stack-locked", retryable: true });
    expect(locked.message).to.include("laptop-of-ann");
    expect(await locksOf(stack)).to.deep.equal([lock]);
    const fenced = await errorOf(next.open({ stack, files: {}, fencingToken: 1n }));
    expect(fenced).to.have.property("code", "operation-fenced");
  });

  it("ends a run whose stack another owner has taken over on another machine", async () => {
    const stack = "tenant-zombie";
    const task = await newTask();
    const session = await task.open({ stack, files: { a: "hold" } });
    const outcome = errorOf(session.up());
    await task.isCreating("a");
    await change(recordKey(stack), { fencingToken: "2", host: "task-2" });
    expect(await outcome).to.include({ code: "engine-failed", retryable: true });
    await session.close();
  });

  it("gives a stack that two machines open at the same time to one of them", async () => {
    const stack = "tenant-race";
    const tasks = [await newTask(), await newTask()];
    const opened = await Promise.allSettled(
      tasks.map((task, index) => task.open({ stack, files: {}, fencingToken: BigInt(index + 1) })),
    );
    const record = JSON.parse(await state.read(recordKey(stack))) as { fencingToken: string };
    const [first, second] = opened.map(({ status }) => status);
    if (second === "fulfilled") expect(record.fencingToken).to.equal("2");
    else expect(first).to.equal("fulfilled");
    for (const outcome of opened)
      if (outcome.status === "rejected")
        expect(outcome.reason).to.have.property("code").oneOf(["stack-locked", "operation-fenced"]);
  });
});
