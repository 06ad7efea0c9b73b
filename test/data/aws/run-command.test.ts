import { expect } from "chai";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { askAws, type AwsAccount } from "../../../data/aws/ask-aws.ts";
import { runOnServer, type ServerCommand } from "../../../data/aws/run-command.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { motoServer } from "../../support/notify-servers.ts";

const command = { instanceId: "i-0123456789abcdef0", id: "millwright op 1 restore.sh", script: "true" };
const accountAt = (endpoint: string): AwsAccount => ({
  ...{ region: "us-east-1", endpoint },
  credentials: () =>
    Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
});

/** @returns the statuses that were reported */
async function run(account: AwsAccount, given: ServerCommand, signal = new AbortController().signal) {
  const statuses: string[] = [];
  await runOnServer(account, given, { report: (status) => statuses.push(status), signal, pollMs: 1 });
  return statuses;
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("no refusal"),
    (error: unknown) => error as MillwrightError,
  );

describe("runOnServer (moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  before(async function () {
    moto = await motoServer(this);
  });
  after(() => moto.close());

  /** What Systems Manager was sent, newest first. */
  async function sent() {
    const { answer } = await askAws(accountAt(moto.url), {
      service: "ssm",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AmazonSSM.ListCommands",
      },
      body: JSON.stringify({ InstanceId: command.instanceId }),
      unanswered: (reason) => new MillwrightError("internal", reason),
    }).then((found) => (found.refusal === undefined ? found : expect.fail(found.refusal)));
    return (answer as { Commands: { Comment: string; DocumentName: string; Parameters: object }[] }).Commands;
  }

  it("runs the script, and the same command once, however often it is asked for", async () => {
    expect(await run(accountAt(moto.url), command)).to.deep.equal(["Success"]);
    await run(accountAt(moto.url), command);
    await run(accountAt(moto.url), { ...command, id: "millwright op 2 restore.sh" });
    const commands = await sent();
    expect(commands.map(({ Comment }) => Comment)).to.have.members([
      command.id,
      "millwright op 2 restore.sh",
    ]);
    expect(commands[0]).to.deep.include({ DocumentName: "AWS-RunShellScript" });
    expect(commands[0]?.Parameters).to.deep.equal({ commands: ["true"], executionTimeout: ["28800"] });
  });

  it("says that nobody answers, as something that may pass", async () => {
    const refusal = await refusalOf(run(accountAt("http://127.0.0.1:9"), command));
    expect([refusal.code, refusal.retryable]).to.deep.equal(["database-unavailable", true]);
  });
});

/** moto's commands all succeed at once; this one answers what it is told. */
describe("runOnServer, where a command takes time or fails", () => {
  let account: AwsAccount;
  let invocations: (object | "missing")[];
  /** The last one again and again. */
  const next = () => (invocations.length > 1 ? invocations.shift() : invocations[0]);
  const server = createServer((request, response) => {
    void text(request).then(() => {
      const action = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      const polled = action === "GetCommandInvocation" ? next() : "";
      const answers: Readonly<Record<string, object>> = {
        ListCommands: { Commands: [] },
        SendCommand: { Command: { CommandId: "c-1" } },
      };
      const isMissing = polled === "missing";
      const answer = isMissing ? { __type: "InvocationDoesNotExist" } : (answers[action] ?? polled);
      response.writeHead(isMissing ? 400 : 200).end(JSON.stringify(answer));
    });
  });
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    account = accountAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  after(() => server.close());

  it("waits through every state, also that of a command which nobody knows yet", async () => {
    invocations = ["missing", { Status: "Pending" }, { Status: "InProgress" }, { Status: "Success" }];
    expect(await run(account, command)).to.deep.equal(["Pending", "Pending", "InProgress", "Success"]);
  });

  it("fails with the script's own words, or with how AWS calls the end", async () => {
    invocations = [{ Status: "Failed", StandardErrorContent: "this is the replica: restore the primary\n" }];
    const failed = await refusalOf(run(account, command));
    expect([failed.code, failed.retryable]).to.deep.equal(["restore-failed", false]);
    expect(failed.message).to.equal(`${command.instanceId}: this is the replica: restore the primary`);
    invocations = [{ Status: "TimedOut", StatusDetails: "Delivery Timed Out" }];
    expect((await refusalOf(run(account, command))).message).to.match(/Delivery Timed Out/);
  });

  it("stops to wait when it is told to", async () => {
    invocations = [{ Status: "InProgress" }];
    const stop = new AbortController();
    const waiting = refusalOf(run(account, command, stop.signal));
    stop.abort();
    expect((await waiting).code).to.equal("operation-cancelled");
  });
});
