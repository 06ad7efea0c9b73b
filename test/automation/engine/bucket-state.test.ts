import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { motoServer } from "../../support/notify-servers.ts";
import { openTestEngine, type TestEngine } from "./test-engine.ts";

const REGION = "eu-central-1";
const KEYS = { AWS_ACCESS_KEY_ID: "testing", AWS_SECRET_ACCESS_KEY: "testing", AWS_REGION: REGION };
const STACK = "tenant-bucket";

describe("the engine with its state in a bucket (S3 and KMS of moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let folder: string;
  const engines: TestEngine[] = [];

  const authorization = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=testing/20261121/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const stored = async (object: string) => {
    const answer = await fetch(`${moto.url}/state${object}`, {
      headers: { authorization: authorization("s3") },
    });
    return answer.text();
  };

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    moto = await motoServer(this);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-bucket-"));
    const bucket = await fetch(`${moto.url}/state`, {
      method: "PUT",
      headers: { authorization: authorization("s3") },
      body: `<CreateBucketConfiguration><LocationConstraint>${REGION}</LocationConstraint></CreateBucketConfiguration>`,
    });
    expect(bucket.status, await bucket.text()).to.equal(200);
    const ask = async (action: string, body: object) => {
      const headers = {
        ...{ authorization: authorization("kms"), "content-type": "application/x-amz-json-1.1" },
        "x-amz-target": `TrentService.${action}`,
      };
      const answer = await fetch(moto.url, { method: "POST", headers, body: JSON.stringify(body) });
      expect(answer.status, action).to.equal(200);
      return answer.text();
    };
    const { KeyMetadata } = JSON.parse(await ask("CreateKey", {})) as { KeyMetadata: { KeyId: string } };
    await ask("CreateAlias", { AliasName: "alias/state", TargetKeyId: KeyMetadata.KeyId });
  });
  after(async () => {
    await Promise.all(engines.map((engine) => engine.remove()));
    await rm(folder, { recursive: true, force: true });
    await moto.close();
  });

  /** As a task that was just started: with a home of its own. */
  async function newTask(): Promise<TestEngine> {
    const endpoint = `endpoint=${encodeURIComponent(moto.url)}`;
    const engine = await openTestEngine(await mkdtemp(path.join(folder, "task-")), {
      bucket: {
        url: `s3://state?region=${REGION}&${endpoint}&s3ForcePathStyle=true`,
        secretsProvider: `awskms:///alias/state?region=${REGION}&${endpoint}`,
      },
      environment: { ...KEYS, AWS_ENDPOINT_URL: moto.url },
    });
    engines.push(engine);
    return engine;
  }

  it("builds a stack that another task takes over, with its secrets, and removes", async () => {
    const first = await newTask();
    const files = { a: "alpha", b: "beta" };
    const session = await first.open({ stack: STACK, files, token: "hunter2" });
    expect(await session.up()).to.deep.include({ create: 3 });
    await session.close();
    expect(await stored(`/.pulumi/stacks/millwright/${STACK}.json`))
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
    expect(await stored("?list-type=2")).to.not.include(`<Key>.pulumi/stacks/millwright/${STACK}.json</Key>`);
  });
});
