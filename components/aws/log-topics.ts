import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { TenantLog } from "../../model/tenant-log.ts";
import { REPLICATION_FACTOR } from "./event-log.ts";

export interface LogTopicsArgs {
  readonly clusterArn: pulumi.Input<string>;
  readonly topics: readonly Pick<TenantLog["topics"][number], "topic" | "partitions" | "retentionMs">[];
  readonly isProtected: boolean;
}

/** Of records, as every log of ours has them (data/event-log/kafka/topics.ts). */
const RECORDS = {
  // All decisions use the brokers' clock, never a producer's.
  "message.timestamp.type": "LogAppendTime",
  // Whatever a producer compresses with, consumers get it plain: we cannot read every kind.
  "compression.type": "uncompressed",
  "max.message.bytes": String(1 << 20),
} as const;

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
          configs: JSON.stringify({ ...RECORDS, "retention.ms": String(retentionMs) }),
        },
        { parent: this, protect },
      );
    this.registerOutputs();
  }
}
