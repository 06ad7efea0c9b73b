import * as pulumi from "@pulumi/pulumi";
import { SHARED_READINGS } from "../../model/topic-name.ts";
import { consumerSubject, functionSubjects, type AlarmSubject } from "./alarm-subject.ts";
import { HandlerFunction, type FunctionPlace, type HandlerFunctionArgs } from "./handler-function.ts";
import { HANDLER_NAMES, HANDLERS, type HandlerName, type HandlerSpec } from "./handlers.ts";
import { TopicSource } from "./topic-source.ts";

type ByHandler<T> = Readonly<Partial<Record<HandlerName, T>>>;

export interface PlatformFunctionsArgs extends FunctionPlace {
  /** The shared cells, and for each the ARN of the secret with its ingest login. */
  readonly cells: readonly { readonly name: string; readonly secretArn: pulumi.Input<string> }[];
  /** ARNs of the secrets that are the same for all cells, by setting. */
  readonly secrets: HandlerFunctionArgs["secrets"];
  readonly settings: ByHandler<Readonly<Record<string, pulumi.Input<string>>>>;
  readonly reservedConcurrency: ByHandler<number>;
  readonly clusterName: pulumi.Input<string>;
  readonly shiftsGradually: boolean;
}

/** All functions of an environment, on the topic that tenants share, and what is to be watched of them. */
export class PlatformFunctions extends pulumi.ComponentResource {
  /** By name: `alert`, `ingest-shared-1`. A tenant's own topic is a source of the same ones. */
  readonly functions: ReadonlyMap<string, HandlerFunction>;
  readonly subjects: readonly AlarmSubject[];

  constructor(name: string, args: PlatformFunctionsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:PlatformFunctions", name, {}, opts);
    const { cells, secrets, settings, reservedConcurrency, clusterName, ...common } = args;
    const child = { parent: this };
    const functions = new Map<string, HandlerFunction>();
    for (const handler of HANDLER_NAMES) {
      const { isPerCell = false }: HandlerSpec = HANDLERS[handler];
      const reserved = reservedConcurrency[handler];
      const facts = {
        ...{ ...common, handler },
        ...(reserved === undefined ? {} : { reservedConcurrency: reserved }),
      };
      if (!isPerCell) {
        const own = { ...facts, secrets, settings: settings[handler] ?? {} };
        functions.set(handler, new HandlerFunction(`${name}-${handler}`, own, child));
      }
      for (const { name: cell, secretArn } of isPerCell ? cells : []) {
        const own = {
          ...{ ...facts, part: cell },
          secrets: { ...secrets, CELL_SECRET: secretArn },
          settings: { ...settings[handler], CELL: cell },
        };
        functions.set(`${handler}-${cell}`, new HandlerFunction(`${name}-${handler}-${cell}`, own, child));
      }
    }

    const { topic } = SHARED_READINGS;
    const readers = [...functions].filter(([, { handler }]) => "source" in HANDLERS[handler]);
    const sourceArgs = { topic, functions: readers.map(([, fn]) => fn), eventLog: args.eventLog };
    new TopicSource(`${name}-shared`, sourceArgs, child);

    this.functions = functions;
    this.subjects = [
      ...[...functions].flatMap(([part, fn]) => functionSubjects(part, fn)),
      ...readers.map(([part, fn]) => consumerSubject(part, fn, topic, clusterName)),
    ];
    this.registerOutputs({});
  }
}
