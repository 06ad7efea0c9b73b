import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CodeDeployClient,
  CreateApplicationCommand,
  CreateDeploymentGroupCommand,
  GetDeploymentCommand,
} from "@aws-sdk/client-codedeploy";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
} from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { beginShift, deploymentStatus, shiftEnded, type Release } from "../../../automation/release/shift.ts";
import { motoServer } from "../../support/notify-servers.ts";

const REGION = "us-east-1";
const ACCESS = { region: REGION, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const RELEASE: Release = {
  ...{ functionName: "alert", alias: "live", version: "2" },
  ...{ application: "handlers", deploymentGroup: "alert" },
};
/** An archive without files: 22 bytes. */
const emptyZip = (comment: string) =>
  Buffer.concat([
    Buffer.from("PK\x05\x06"),
    Buffer.alloc(16),
    Buffer.from([comment.length, 0]),
    Buffer.from(comment),
  ]);

describe("a new version takes over (moto)", function () {
  this.timeout(120_000);
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let lambda: LambdaClient;
  let codeDeploy: CodeDeployClient;
  before(async function () {
    moto = await motoServer(this);
    const client = { ...ACCESS, endpoint: moto.url };
    lambda = new LambdaClient(client);
    codeDeploy = new CodeDeployClient(client);
    const Role = await makeRole(moto.url);
    await lambda.send(
      new CreateFunctionCommand({
        ...{ FunctionName: "alert", Role, Runtime: "nodejs22.x", Handler: "index.handler" },
        ...{ Code: { ZipFile: emptyZip("1") }, Publish: true },
      }),
    );
    await lambda.send(new CreateAliasCommand({ FunctionName: "alert", Name: "live", FunctionVersion: "1" }));
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "alert", ZipFile: emptyZip("2") }));
    await lambda.send(new PublishVersionCommand({ FunctionName: "alert" }));
    await codeDeploy.send(
      new CreateApplicationCommand({ applicationName: "handlers", computePlatform: "Lambda" }),
    );
    await codeDeploy.send(
      new CreateDeploymentGroupCommand({
        ...{ applicationName: "handlers", deploymentGroupName: "alert", serviceRoleArn: Role },
      }),
    );
  });
  after(async () => {
    lambda.destroy();
    codeDeploy.destroy();
    await moto.close();
  });

  it("by a deployment from the version that is live to the one that was published", async () => {
    const id = await beginShift({ lambda, codeDeploy }, RELEASE);
    const { deploymentInfo } = await codeDeploy.send(new GetDeploymentCommand({ deploymentId: id }));
    const content = JSON.parse(deploymentInfo?.revision?.appSpecContent?.content ?? "{}");
    expect(content.Resources).to.deep.equal([
      {
        handler: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: "alert", Alias: "live", CurrentVersion: "1", TargetVersion: "2" },
        },
      },
    ]);
    expect(await deploymentStatus({ codeDeploy }, id!)).to.deep.equal({ status: "Created", reason: "" });
  });

  it("without one when the version is live", async () => {
    expect(await beginShift({ lambda, codeDeploy }, { ...RELEASE, version: "1" })).to.equal(undefined);
  });

  it("and is not taken for live when CodeDeploy names no deployment", async () => {
    const server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const nameless = new CodeDeployClient({ ...ACCESS, endpoint });
    try {
      const failure: unknown = await beginShift({ lambda, codeDeploy: nameless }, RELEASE).catch(
        (error: unknown) => error,
      );
      expect(failure).to.have.property("code", "internal");
    } finally {
      nameless.destroy();
      server.close();
    }
  });
});

describe("the end of a deployment", () => {
  const endOf = async (...states: readonly (readonly [status: string, reason: string])[]) => {
    const shown: string[] = [];
    const left = [...states];
    const end = await shiftEnded(
      () => {
        const [status, reason] = left.shift()!;
        return Promise.resolve({ status, reason });
      },
      { pause: () => Promise.resolve(), progress: (status) => shown.push(status) },
    );
    return { end, shown };
  };

  it("is success when all events go to the new version; each state is shown once", async () => {
    const { end, shown } = await endOf(
      ...[["Created", ""] as const, ["InProgress", ""] as const, ["InProgress", ""] as const],
      ["Succeeded", ""],
    );
    expect(end).to.equal("");
    expect(shown).to.deep.equal(["Created", "InProgress"]);
  });

  it("is the reason when an alarm took it back, or somebody stopped it", async () => {
    expect((await endOf(["InProgress", ""], ["Failed", "an alarm rings"])).end).to.equal("an alarm rings");
    expect((await endOf(["Stopped", ""])).end).to.equal("Stopped");
  });
});

/** Lambda asks whether the role is there. No client of IAM is among our packages. */
async function makeRole(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: new URLSearchParams({
      ...{ Action: "CreateRole", Version: "2010-05-08", RoleName: "handler", AssumeRolePolicyDocument: "{}" },
    }),
  });
  const arn = /<Arn>(.*)<\/Arn>/.exec(await response.text())?.[1];
  if (arn === undefined) throw new Error(`no role: ${response.status}`);
  return arn;
}
