import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import type * as Messages from "@pulumi/pulumi/proto/provider_pb.js";
import type { Struct as StructMessage } from "google-protobuf/google/protobuf/struct_pb.js";
import { expect } from "chai";

const require = createRequire(import.meta.url);
const ofSdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const messages = require("@pulumi/pulumi/proto/provider_pb.js") as typeof Messages;
const { Struct } = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as { Struct: typeof StructMessage };
const { ResourceProviderClient } = require("@pulumi/pulumi/proto/provider_grpc_pb.js") as {
  ResourceProviderClient: new (address: string, credentials: grpc.ChannelCredentials) => grpc.Client;
};

const PLUGIN = fileURLToPath(new URL("../../providers/postgresql/main.ts", import.meta.url));

type Calls = Record<
  string,
  (request: unknown, callback: (error: Error | null, answer: unknown) => void) => void
>;

describe("serve", () => {
  let child: ChildProcess;
  let client: grpc.Client;

  beforeEach(async () => {
    child = spawn(process.execPath, [PLUGIN], { stdio: ["pipe", "pipe", "inherit"] });
    const [port] = (await once(child.stdout!, "data")) as [Buffer];
    client = new ResourceProviderClient(
      `127.0.0.1:${String(port).trim()}`,
      grpc.credentials.createInsecure(),
    );
  });
  afterEach(() => {
    client.close();
    child.kill("SIGKILL");
  });

  const call = <Answer>(method: string, request: unknown) =>
    new Promise<Answer>((resolve, reject) =>
      (client as unknown as Calls)[method]!.call(client, request, (error, answer) =>
        error === null ? resolve(answer as Answer) : reject(error),
      ),
    );
  const urn = (type: string) => `urn:pulumi:tenant-acme::millwright::millwright:tiers:Tenant$${type}::acme`;
  const check = (type: string, news: Record<string, string | boolean>) => {
    const request = new messages.CheckRequest().setUrn(urn(type)).setNews(Struct.fromJavaScript(news));
    return call<Messages.CheckResponse>("check", request);
  };

  it("ends when the engine that held its stdin is gone", async () => {
    child.stdin!.end();
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).to.equal(0);
  });

  it("answers a check with defaults filled in and with what it refuses", async () => {
    const fine = await check("postgresql:index/role:Role", { name: "r" });
    expect(fine.getInputs()?.toJavaScript()).to.deep.include({
      name: "r",
      login: false,
      connectionLimit: -1,
    });
    const wrong = await check("postgresql:index/role:Role", { name: "r", assumeRole: "x" });
    expect(wrong.getFailuresList().map((failure) => failure.getProperty())).to.deep.equal(["assumeRole"]);
  });

  it("refuses a type that it does not have, and work before it was configured", async () => {
    const unknown = await check("postgresql:index/extension:Extension", {}).catch(String);
    expect(unknown).to.match(/no type postgresql:index\/extension:Extension; it has .*role:Role/);
    const early = new messages.CreateRequest()
      .setUrn(urn("postgresql:index/role:Role"))
      .setProperties(Struct.fromJavaScript({ name: "r" }));
    expect(await call("create", early).catch(String)).to.match(/no settings yet/);
  });

  it("says why a server cannot be reached, without the password", async () => {
    const request = new messages.ConfigureRequest();
    const settings = { host: "127.0.0.1", port: "1", username: "u", password: "hunter2", sslmode: "disable" };
    for (const [name, value] of Object.entries(settings)) {
      request.getVariablesMap().set(`postgresql:config:${name}`, value);
    }
    await call("configure", request);
    const create = new messages.CreateRequest()
      .setUrn(urn("postgresql:index/role:Role"))
      .setProperties(Struct.fromJavaScript({ name: "r" }));
    const refusal = await call("create", create).catch(String);
    expect(refusal)
      .to.match(/ECONNREFUSED/)
      .and.not.match(/hunter2/);
  });

  it("calls a change of name a replacement and a change of limit an update", async () => {
    const before = { name: "r", login: true, connectionLimit: 1 };
    const diff = async (news: typeof before) => {
      const request = new messages.DiffRequest()
        .setUrn(urn("postgresql:index/role:Role"))
        .setOlds(Struct.fromJavaScript(before))
        .setNews(Struct.fromJavaScript(news));
      const answer = await call<Messages.DiffResponse>("diff", request);
      return { changed: answer.getDiffsList(), replacing: answer.getReplacesList() };
    };
    expect(await diff(before)).to.deep.equal({ changed: [], replacing: [] });
    expect(await diff({ ...before, connectionLimit: 2 })).to.deep.equal({
      changed: ["connectionLimit"],
      replacing: [],
    });
    expect(await diff({ ...before, name: "s" })).to.deep.equal({ changed: ["name"], replacing: ["name"] });
  });
});
