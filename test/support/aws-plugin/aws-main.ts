import { createRequire } from "node:module";
import * as grpc from "@grpc/grpc-js";
import type { Empty as EmptyMessage } from "google-protobuf/google/protobuf/empty_pb.js";
import type { Struct as StructMessage } from "google-protobuf/google/protobuf/struct_pb.js";
import type * as PluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as Messages from "@pulumi/pulumi/proto/provider_pb.js";
import { awsCall } from "./calls.ts";
import { awsOutputs } from "./outputs.ts";
import { replacingProperties } from "./replacing.ts";
import { sdkType, type SdkType } from "./sdk-types.ts";

/**
 * `pulumi-resource-aws` of the tests: makes nothing, but answers the real engine as AWS could, knows the types and
 * properties of the SDK and refuses all others.
 */

const require = createRequire(import.meta.url);
const ofSdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const messages = require("@pulumi/pulumi/proto/provider_pb.js") as typeof Messages;
const { PluginInfo } = require("@pulumi/pulumi/proto/plugin_pb.js") as typeof PluginMessages;
const { ResourceProviderService } = require("@pulumi/pulumi/proto/provider_grpc_pb.js") as {
  ResourceProviderService: grpc.ServiceDefinition;
};
const { Struct } = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as { Struct: typeof StructMessage };
const { Empty } = ofSdk("google-protobuf/google/protobuf/empty_pb.js") as { Empty: typeof EmptyMessage };

type Properties = Readonly<Record<string, unknown>>;
type Tags = Readonly<Record<string, string>>;

const SETTINGS = [
  "region",
  "defaultTags",
  "allowedAccountIds",
  "skipCredentialsValidation",
  "skipRegionValidation",
];
let region = "";
let defaultTags: Tags = {};

const version = (require("@pulumi/aws/package.json") as { version: string }).version;

const methods: grpc.UntypedServiceImplementation = {
  getPluginInfo: unary(() => new PluginInfo().setVersion(version)),
  attach: unary(() => new Empty()),
  cancel: unary(() => new Empty()),
  checkConfig: unary((request: Messages.CheckRequest) => {
    const given = plain(request.getNews());
    const unknown = Object.keys(given).filter(
      (name) => ![...SETTINGS, "version"].includes(name) && !isInternal(name),
    );
    // Whoever forgets to pass the stack's provider gets the default one, which has no tags and no region.
    const missing = ["region", "defaultTags"].filter((name) => given[name] === undefined);
    return checkResponse(given, [
      ...unknown.map((name) => [name, `this aws plugin does not know '${name}'`] as const),
      ...missing.map((name) => [name, `a provider without ${name}: pass the stack's own`] as const),
    ]);
  }),
  diffConfig: unary((request: Messages.DiffRequest) => diffOf(request, () => [])),
  configure: unary((request: Messages.ConfigureRequest) => {
    const settings = request.getVariablesMap();
    region = settings.get("aws:config:region") ?? "";
    const given = settings.get("aws:config:defaultTags");
    defaultTags = given === undefined ? {} : (JSON.parse(given) as { readonly tags: Tags }).tags;
    return new messages.ConfigureResponse();
  }),
  invoke: unary((request: Messages.InvokeRequest) => {
    const answer = awsCall(request.getTok(), plain(request.getArgs()), region);
    return new messages.InvokeResponse().setReturn(asStruct(answer));
  }),

  check: unary((request: Messages.CheckRequest) => {
    const { type } = resourceOf(request.getUrn());
    const given = plain(request.getNews());
    const unknown = Object.keys(given).filter((name) => !type.inputs.has(name) && !isInternal(name));
    const tags = type.inputs.has("tags")
      ? { tags: { ...defaultTags, ...(given["tags"] as Tags | undefined) } }
      : {};
    return checkResponse(
      { ...given, ...tags },
      unknown.map((name) => [name, `aws has no property '${name}' here`]),
    );
  }),
  diff: unary((request: Messages.DiffRequest) =>
    diffOf(request, (changed) => replacingProperties(resourceOf(request.getUrn()).token, changed)),
  ),
  create: unary((request: Messages.CreateRequest) => {
    const { token, type } = resourceOf(request.getUrn());
    const { id, state } = awsOutputs(token, type, request.getUrn(), plain(request.getProperties()));
    return new messages.CreateResponse().setId(id).setProperties(asStruct(state));
  }),
  read: unary((request: Messages.ReadRequest) =>
    new messages.ReadResponse()
      .setId(request.getId())
      .setProperties(request.getProperties())
      .setInputs(request.getInputs()),
  ),
  update: unary((request: Messages.UpdateRequest) => {
    const { token, type } = resourceOf(request.getUrn());
    const { state } = awsOutputs(token, type, request.getUrn(), plain(request.getNews()));
    return new messages.UpdateResponse().setProperties(asStruct(state));
  }),
  delete: unary(() => new Empty()),
};

const server = new grpc.Server({ "grpc.max_receive_message_length": 64 << 20 });
server.addService(ResourceProviderService, methods);
process.stdin.once("end", () => process.exit(0)).resume();
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});

function unary<Request, Response>(method: (request: Request) => Response) {
  return (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>) => {
    try {
      callback(null, method(call.request));
    } catch (error) {
      callback({ code: grpc.status.UNKNOWN, details: String(error) });
    }
  };
}

function resourceOf(urn: string): { readonly token: string; readonly type: SdkType } {
  const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const type = sdkType(token);
  if (type === undefined) throw new Error(`the SDK of aws has no type ${token}`);
  return { token, type };
}

function diffOf(request: Messages.DiffRequest, replacing: (changed: readonly string[]) => readonly string[]) {
  const [before, after] = [plain(request.getOldInputs()), plain(request.getNews())];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter(
    (name) => !isInternal(name) && canonical(before[name]) !== canonical(after[name]),
  );
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  return new messages.DiffResponse()
    .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList(changed)
    .setReplacesList([...replacing(changed)]);
}

function checkResponse(
  inputs: Properties,
  failures: readonly (readonly [property: string, reason: string])[],
) {
  const list = failures.map(([property, reason]) =>
    new messages.CheckFailure().setProperty(property).setReason(reason),
  );
  return new messages.CheckResponse().setInputs(asStruct(inputs)).setFailuresList(list);
}

/** What the engine itself puts among the properties. */
function isInternal(name: string): boolean {
  return name.startsWith("__");
}

/** JSON whose keys are sorted: the engine does not keep their order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function plain(struct: StructMessage | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function asStruct(properties: Properties): StructMessage {
  // Struct knows no undefined, at any depth
  return Struct.fromJavaScript(
    JSON.parse(JSON.stringify(properties)) as Parameters<typeof Struct.fromJavaScript>[0],
  );
}
