import type * as pulumi from "@pulumi/pulumi";
import type { SubjectKind } from "../../model/aws/alarm-rules.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { ControlPlane } from "./control-plane.ts";
import { groupName } from "./event-log-access.ts";
import type { HandlerFunction } from "./handler-function.ts";
import type { ServiceLoadBalancer } from "./service-load-balancer.ts";

type Names = Pick<HandlerFunction, "functionName" | "deadLetterName">;

/** Something that is watched: the rules of its kind, on metrics of these dimensions. */
export interface AlarmSubject {
  readonly kind: SubjectKind;
  /** Part of the alarms' names and titles: lower case, digits, single dashes. */
  readonly name: string;
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
}

/** A function and its dead letters. @param name - `ingest-shared-1` */
export function functionSubjects(name: string, fn: Names): AlarmSubject[] {
  return [
    { kind: "function", name, dimensions: { FunctionName: fn.functionName } },
    { kind: "deadLetters", name, dimensions: { QueueName: fn.deadLetterName } },
  ];
}

/** What IoT Core could not write into the log. */
export function machineEntranceSubject(deadLetterName: string): AlarmSubject {
  return { kind: "deadLetters", name: "machines", dimensions: { QueueName: deadLetterName } };
}

/** A function's group on one topic. */
export function consumerSubject(
  name: string,
  fn: Pick<Names, "functionName">,
  topic: string,
  clusterName: pulumi.Input<string>,
): AlarmSubject {
  const group = groupName(fn.functionName, topic);
  const dimensions = { "Cluster Name": clusterName, "Consumer Group": group, Topic: topic };
  return { kind: "consumer", name, dimensions };
}

/** A REST API of API Gateway, all its stages. */
export function apiSubject(apiName: string): AlarmSubject {
  return { kind: "api", name: "api", dimensions: { ApiName: apiName } };
}

/** The control plane, and the load balancer before it. Its cluster is called as it is. */
export function serviceSubjects(
  { arnSuffix, targetGroupArnSuffix }: Pick<ServiceLoadBalancer, "arnSuffix" | "targetGroupArnSuffix">,
  { serviceName }: Pick<ControlPlane, "serviceName">,
): AlarmSubject[] {
  if (serviceName === undefined) return []; // nothing runs yet, and its silence is no alarm
  const name = "service";
  const dimensions = { LoadBalancer: arnSuffix };
  return [
    { kind: "service", name, dimensions: { ...dimensions, TargetGroup: targetGroupArnSuffix } },
    { kind: "serviceTask", name, dimensions: { ClusterName: serviceName, ServiceName: serviceName } },
    { kind: "loadBalancer", name, dimensions },
  ];
}

/** The mail of a configuration set of SES. */
export function mailSubject(configurationSetName: string): AlarmSubject {
  return { kind: "mail", name: "mail", dimensions: { "ses:configuration-set": configurationSetName } };
}

/** A database on RDS. */
export function catalogSubject(identifier: pulumi.Input<string>): AlarmSubject {
  return { kind: "catalog", name: "catalog", dimensions: { DBInstanceIdentifier: identifier } };
}

/** A cell, and its servers where they are ours. Dimensions: components/aws/timescale/files/metrics.sh. */
export function cellSubjects(
  cell: string,
  { isOurServer, hasReplica }: { readonly isOurServer: boolean; readonly hasReplica: boolean },
): AlarmSubject[] {
  const server = (kind: "primary" | "replica"): AlarmSubject => ({
    ...{ kind, name: cell, dimensions: { Server: cell, Role: kind } },
  });
  return [
    { kind: "cell", name: cell, dimensions: { Cell: cell } },
    ...(isOurServer ? [server("primary")] : []),
    ...(isOurServer && hasReplica ? [server("replica")] : []),
  ];
}

/** What a tenant was promised. */
export function tenantSubject(tenant: TenantId): AlarmSubject {
  return { kind: "tenant", name: tenant, dimensions: { Tenant: tenant } };
}
