import * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./policy.ts";

/** An MSK cluster, as those who read it need it. */
export interface EventLogAccess {
  readonly clusterArn: pulumi.Input<string>;
  /** Of IAM's listener, separated by commas. */
  readonly brokers: pulumi.Input<string>;
}

/** `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID` → `…:topic/NAME/UUID/TOPIC`, or `…:group/…`. */
export function inCluster(
  clusterArn: pulumi.Input<string>,
  kind: "topic" | "group",
  name: string,
): pulumi.Output<string> {
  return pulumi.output(clusterArn).apply((arn) => `${arn.replace(":cluster/", `:${kind}/`)}/${name}`);
}

/**
 * Reading all tenants' readings in consumer groups of one name, as an event source and as ourselves.
 * @param groupPrefix - of the groups, as {@link groupName} makes them
 */
export function readingsOf(clusterArn: pulumi.Input<string>, groupPrefix: string): Statement[] {
  return [
    {
      Action: [
        "kafka:DescribeCluster",
        "kafka:DescribeClusterV2",
        "kafka:GetBootstrapBrokers",
        "kafka-cluster:Connect",
        "kafka-cluster:DescribeClusterDynamicConfiguration",
      ],
      Resource: clusterArn,
    },
    {
      Action: ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
      // Tenants come and go without a change of the role; no other stream of theirs is in it.
      Resource: inCluster(clusterArn, "topic", "*.readings.*"),
    },
    {
      Action: ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"],
      Resource: inCluster(clusterArn, "group", `${groupPrefix}.*`),
    },
    {
      // An event source looks at the cluster's network; these three know no resources.
      Action: ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
      Resource: "*",
    },
  ];
}

/** Each source has a group of its own: sources of one group would share out its topic's partitions. */
export function groupName(functionName: string, topic: string): string {
  return `${functionName}.${topic}`;
}
