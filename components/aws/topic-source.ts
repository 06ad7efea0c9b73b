import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { groupName, type EventLogAccess } from "./event-log-access.ts";
import { HANDLERS, type HandlerName, type HandlerSpec } from "./handlers.ts";

/** A function that reads topics, of this stack or of another. */
export interface TopicReader {
  readonly handler: HandlerName;
  readonly functionName: string;
  readonly liveArn: pulumi.Input<string>;
  readonly deadLetterArn: pulumi.Input<string>;
}

export interface TopicSourceArgs {
  /** A topic of readings: one tenant's own, or the shared one. It is there already. */
  readonly topic: string;
  /** Who is invoked with its records, each with all of them. */
  readonly functions: readonly TopicReader[];
  readonly eventLog: EventLogAccess;
}

/**
 * Invokes functions with the records of a topic. A delivery that fails comes again until it is taken; what Lambda gives
 * up is told to the function's dead letters, and read from the log by the next delivery (ADR 44).
 */
export class TopicSource extends pulumi.ComponentResource {
  constructor(
    name: string,
    { topic, functions, eventLog }: TopicSourceArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("millwright:aws:TopicSource", name, {}, opts);
    for (const { handler, functionName, liveArn, deadLetterArn } of functions) {
      const { source }: HandlerSpec = HANDLERS[handler];
      if (source === undefined) throw new pulumi.RunError(`The handler ${handler} reads no topic.`);
      new aws.lambda.EventSourceMapping(
        `${name}-${functionName}`,
        {
          eventSourceArn: eventLog.clusterArn,
          functionName: liveArn,
          topics: [topic],
          amazonManagedKafkaEventSourceConfig: { consumerGroupId: groupName(functionName, topic) },
          // A new group begins where the log does; what the database has is skipped by its position.
          startingPosition: "TRIM_HORIZON",
          batchSize: source.maxRecords,
          maximumBatchingWindowInSeconds: source.windowSeconds,
          destinationConfig: { onFailure: { destinationArn: deadLetterArn } },
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}
