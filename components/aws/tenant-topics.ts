import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { TenantLog } from "../../model/tenant-log.ts";
import { REPLICATION_FACTOR } from "./event-log.ts";

export interface TenantTopicsArgs {
  readonly clusterArn: pulumi.Input<string>;
  readonly log: TenantLog;
  readonly isProtected: boolean;
}

/** A tenant's topics on MSK. A topic that is made again has another name (its generation), so none is ever replaced. */
export class TenantTopics extends pulumi.ComponentResource {
  constructor(name: string, args: TenantTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:TenantTopics", name, {}, opts);
    const { clusterArn, log, isProtected: protect } = args;
    for (const { topic, partitions: partitionCount, retentionMs } of log.topics)
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
