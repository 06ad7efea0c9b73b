import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { motoServer } from "../../support/notify-servers.ts";
import { stateBucket } from "../../support/state-bucket.ts";
import { openTestEngine, type TestEngine } from "./test-engine.ts";

const STACK = "tenant-bucket";

describe("the engine with its state in a bucket (S3 and KMS of moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let folder: string;
  let state: Awaited<ReturnType<typeof stateBucket>>;
  const engines: TestEngine[] = [];

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    moto = await motoServer(this);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-bucket-"));
    state = await stateBucket(moto.url);
  });
  after(async () => {
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
});
