import { createRequire, flushCompileCache } from "node:module";
import * as grpc from "@grpc/grpc-js";
import type { Empty as EmptyMessage } from "google-protobuf/google/protobuf/empty_pb.js";
import type { Struct as StructMessage } from "google-protobuf/google/protobuf/struct_pb.js";
import type * as Messages from "@pulumi/pulumi/proto/provider_pb.js";
import type * as PluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import { MillwrightError } from "../model/errors.ts";
import type { Plugin, ResourceType } from "./plugin.ts";
import { changedProperties, checkProperties, type Properties, type PropertyFailure } from "./properties.ts";

// Only the generated messages, not the SDK: the plugin is started on the way from POST to a ready tenant, and the
// SDK's entry costs 0.65 s where this costs 0.05 s. Messages must come from the copy of google-protobuf that the
// generated code itself uses.
const require = createRequire(import.meta.url);
const ofSdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const messages = require("@pulumi/pulumi/proto/provider_pb.js") as typeof Messages;
const { PluginInfo } = require("@pulumi/pulumi/proto/plugin_pb.js") as typeof PluginMessages;
const { ResourceProviderService } = require("@pulumi/pulumi/proto/provider_grpc_pb.js") as {
  ResourceProviderService: grpc.ServiceDefinition;
};
const { Struct } = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: typeof StructMessage;
};
const { Empty } = ofSdk("google-protobuf/google/protobuf/empty_pb.js") as { Empty: typeof EmptyMessage };

const MAX_MESSAGE_BYTES = 64 << 20; // a Struct of ours has kilobytes; the default of 4 MiB is Pulumi's known trap

/**
 * Serves a resource plugin to the Pulumi engine on a free loopback port, which goes to stdout as the engine expects.
 * Ends with the engine, also when that was killed: its end of our stdin closes then.
 */
export function serve<Context>(plugin: Plugin<Context>): void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES });
  const { methods, close } = pluginService(plugin);
  server.addService(ResourceProviderService, methods);

  const stop = () => {
    server.forceShutdown();
    void close().finally(() => process.exit(0));
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  process.stdin.once("end", stop).once("error", stop).resume();
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
    // The engine ends its plugins by SIGKILL, which is too late to write Node's compile cache (NODE_COMPILE_CACHE).
    flushCompileCache();
  });
}

/** The plugin as handlers of the gRPC service, without a transport. Methods left out answer "unimplemented". */
function pluginService<Context>(plugin: Plugin<Context>) {
  let context: { readonly value: Context } | undefined;

  const configured = (): Context => {
    if (context !== undefined) return context.value;
    throw new MillwrightError("engine-failed", `The ${plugin.name} provider has no settings yet.`);
  };
  const typeOf = (urn: string): ResourceType<Context> => {
    const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const type = plugin.types[token];
    if (type !== undefined) return type;
    const known = Object.keys(plugin.types).join(", ");
    throw new MillwrightError(
      "engine-failed",
      `This ${plugin.name} plugin has no type ${token}; it has ${known}.`,
    );
  };

  const methods: grpc.UntypedServiceImplementation = {
    getPluginInfo: unary(() => Promise.resolve(new PluginInfo().setVersion(plugin.version))),
    attach: unary(() => Promise.resolve(new Empty())),
    // The engine waits for running calls after this; each is a few statements long, so there is nothing to cut short.
    cancel: unary(() => Promise.resolve(new Empty())),

    checkConfig: unary((request: Messages.CheckRequest) => {
      const given = plain(request.getNews());
      const failures = Object.keys(given)
        .filter((name) => ![...plugin.settings, "version"].includes(name) && !name.startsWith("__"))
        .map((property) => ({ property, reason: `this ${plugin.name} plugin does not know '${property}'` }));
      return Promise.resolve(checkResponse(given, failures));
    }),
    diffConfig: unary((request: Messages.DiffRequest) => {
      const [before, after] = [plain(request.getOldInputs()), plain(request.getNews())];
      const changed = plugin.settings.filter((name) => before[name] !== after[name]);
      return Promise.resolve(diffResponse(changed, [], false));
    }),
    configure: unary(async (request: Messages.ConfigureRequest) => {
      const prefix = `${plugin.name}:config:`;
      const given = [...request.getVariablesMap().entries()];
      const settings = given.map(([key, value]) => [key.replace(prefix, ""), value] as const);
      if (context !== undefined) await plugin.close(context.value);
      context = { value: plugin.configure(Object.fromEntries(settings)) };
      return new messages.ConfigureResponse();
    }),

    check: unary((request: Messages.CheckRequest) => {
      const { properties } = typeOf(request.getUrn());
      const { inputs, failures } = checkProperties(plain(request.getNews()), properties);
      return Promise.resolve(checkResponse(inputs, failures));
    }),
    diff: unary((request: Messages.DiffRequest) => {
      const type = typeOf(request.getUrn());
      const changed = changedProperties(plain(request.getOlds()), plain(request.getNews()), type.properties);
      const replacing = changed.filter(
        (name) => type.update === undefined || type.properties[name]?.replaces,
      );
      return Promise.resolve(diffResponse(changed, replacing, type.deleteBeforeReplace === true));
    }),
    create: unary(async (request: Messages.CreateRequest) => {
      const type = typeOf(request.getUrn());
      const { id, state } = await type.create(configured(), plain(request.getProperties()));
      return new messages.CreateResponse().setId(id).setProperties(asStruct(state));
    }),
    read: unary(async (request: Messages.ReadRequest) => {
      const state = plain(request.getProperties());
      const type = typeOf(request.getUrn());
      if (Object.keys(state).length === 0) {
        throw new MillwrightError("engine-failed", `This ${plugin.name} plugin cannot import resources.`);
      }
      const found = await type.read(configured(), state);
      if (found === undefined) return new messages.ReadResponse(); // no id: the engine drops it from the state
      const inputs = Object.fromEntries(Object.entries(found).filter(([name]) => name in type.properties));
      return new messages.ReadResponse()
        .setId(request.getId())
        .setProperties(asStruct(found))
        .setInputs(asStruct(inputs));
    }),
    update: unary(async (request: Messages.UpdateRequest) => {
      const type = typeOf(request.getUrn());
      const [state, inputs] = [plain(request.getOlds()), plain(request.getNews())];
      if (type.update === undefined)
        throw new MillwrightError("engine-failed", "This type is never updated.");
      const updated = await type.update(configured(), state, inputs);
      return new messages.UpdateResponse().setProperties(asStruct(updated));
    }),
    delete: unary(async (request: Messages.DeleteRequest) => {
      await typeOf(request.getUrn()).delete(configured(), plain(request.getProperties()));
      return new Empty();
    }),
  };

  const close = async () => {
    if (context !== undefined) await plugin.close(context.value);
  };
  return { methods, close };
}

function unary<Request, Response>(method: (request: Request) => Promise<Response>) {
  return (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>) => {
    // Wrapped once more, so that a synchronous throw is an answer too and not the end of the process.
    Promise.resolve(call.request)
      .then(method)
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback({ code: grpc.status.UNKNOWN, details: messageOf(error) }),
      );
  };
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** What a person reads in the engine's output. Messages of PostgreSQL name objects and never quote a statement. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && SQLSTATE.test(code)
    ? `${error.message} (SQLSTATE ${code})`
    : error.message;
}

function plain(struct: StructMessage | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function asStruct(properties: Properties): StructMessage {
  const present = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Struct.fromJavaScript(
    Object.fromEntries(present) as Parameters<typeof StructMessage.fromJavaScript>[0],
  );
}

function checkResponse(inputs: Properties, failures: readonly PropertyFailure[]) {
  const list = failures.map(({ property, reason }) =>
    new messages.CheckFailure().setProperty(property).setReason(reason),
  );
  return new messages.CheckResponse().setInputs(asStruct(inputs)).setFailuresList(list);
}

function diffResponse(changed: readonly string[], replacing: readonly string[], isDeletedFirst: boolean) {
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  return new messages.DiffResponse()
    .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList([...changed])
    .setReplacesList([...replacing])
    .setDeletebeforereplace(isDeletedFirst);
}
