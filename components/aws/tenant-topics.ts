import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { TenantLog } from "../../model/tenant-log.ts";
import { isShared } from "../../model/topic-name.ts";
import { REPLICATION_FACTOR } from "./event-log.ts";

export interface TenantTopicsArgs {
  readonly clusterArn: pulumi.Input<string>;
  readonly log: TenantLog;
  readonly isProtected: boolean;
}

/** A tenant's own topics on MSK; the one that tenants share is the platform's. A topic that is made again has another name (its generation), so none is ever replaced. */
export class TenantTopics extends pulumi.ComponentResource {
  constructor(name: string, args: TenantTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:TenantTopics", name, {}, opts);
    const { clusterArn, log, isProtected: protect } = args;
    const own = log.topics.filter(({ topic }) => !isShared(topic));
    for (const { topic, partitions: partitionCount, retentionMs } of own)
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
