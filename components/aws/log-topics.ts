import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { TenantLog } from "../../model/tenant-log.ts";
import { REPLICATION_FACTOR } from "./event-log.ts";

export interface LogTopicsArgs {
  readonly clusterArn: pulumi.Input<string>;
  readonly topics: readonly Pick<TenantLog["topics"][number], "topic" | "partitions" | "retentionMs">[];
  readonly isProtected: boolean;
}

/** Topics on MSK. One that is made again has another name (its generation), so none is ever replaced. */
export class LogTopics extends pulumi.ComponentResource {
  constructor(name: string, args: LogTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:LogTopics", name, {}, opts);
    const { clusterArn, topics, isProtected: protect } = args;
    for (const { topic, partitions: partitionCount, retentionMs } of topics)
      new aws.msk.Topic(
        topic,
        {
          clusterArn,
          name: topic,
          partitionCount,
          replicationFactor: REPLICATION_FACTOR,
          configs: JSON.stringify({ "retention.ms": String(retentionMs) }),
        },
        { parent: this, protect },
      );
    this.registerOutputs();
  }
}
