import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { FunctionPlace } from "../../components/aws/handler-function.ts";
import { HANDLER_NAMES } from "../../components/aws/handlers.ts";
import type { TimescalePlace } from "../../components/aws/timescale.ts";
import { awsTags, type AwsScope } from "../../components/aws/names.ts";
import type { AwsSettings } from "../../model/aws/settings.ts";
import type { AwsConfig } from "../config/aws-config.ts";

const text = z.string().min(1);

const foundation = z.object({
  network: z.object({
    cidrBlock: text,
    zones: z.array(text).min(2),
    privateSubnetIds: z.array(text).min(2),
    securityGroupIds: z.object({ handlers: text, timescale: text }),
  }),
  keys: z.object({ data: text, secrets: text, logs: text, messages: text }),
  backups: z.object({ name: text, arn: text }),
  eventLog: z.object({ clusterArn: text, clusterName: text, brokers: text, passwordBrokers: text }),
  /** {@link MachineEntranceAccess} and where machines connect. */
  machines: z.object({
    ...{ destinationArn: text, roleArn: text, loginSecretArn: text, deadLetterUrl: text, endpoint: text },
  }),
  /** Those of {@link PlatformFunctions}, by name. */
  functions: z.record(
    text,
    z.object({
      handler: z.enum(HANDLER_NAMES),
      ...{ functionName: text, liveArn: text, deadLetterArn: text },
    }),
  ),
  /** ARNs, by setting. */
  secrets: z.object({ CATALOG_SECRET: text, CHANNEL_KEY_SECRET: text }),
  alarmTopicArn: text,
  /** How an API reaches the service (model/aws/gateway-body.ts). */
  api: z.object({ vpcLinkId: text, loadBalancerArn: text, url: text }),
});

/** What tenants' stacks stand on: the platform's output `foundation`. */
export type Foundation = z.infer<typeof foundation>;
/** The same while the platform's own stack makes it. */
export type NewFoundation = DeepInput<Foundation> & { readonly network: { readonly cidrBlock: string } };
type DeepInput<T> = {
  readonly [Name in keyof T]: T[Name] extends string | readonly string[]
    ? pulumi.Input<T[Name]>
    : DeepInput<T[Name]>;
};

/** @throws pulumi.RunError where there is no platform of the environment on AWS, or one of another release */
export async function readFoundation(environment: string): Promise<Foundation> {
  const name = `organization/${pulumi.getProject()}/platform-${environment}`;
  const found = await new pulumi.StackReference("platform", { name }).getOutputDetails("foundation");
  const parsed = foundation.safeParse(found.value);
  if (parsed.success) return parsed.data;
  throw new pulumi.RunError(
    `The stack platform-${environment} (environment) does not say what tenants stand on. Bring it up on AWS first.`,
  );
}

/** Where the functions of a stack stand. */
export function functionPlace(
  { network, keys, eventLog }: Pick<NewFoundation, "network" | "keys" | "eventLog">,
  { bundles, functions }: AwsConfig,
  scope: AwsScope,
): FunctionPlace {
  return {
    ...{ scope, bundles, keyArns: keys, eventLog, logRetentionDays: functions.logRetentionDays },
    subnetIds: network.privateSubnetIds,
    securityGroupIds: [network.securityGroupIds.handlers],
  };
}

/** Where the TimescaleDB servers of a stack stand: in the platform's network, with its keys and its bucket for backups. */
export function timescalePlace(
  { network, keys, backups }: Pick<NewFoundation, "network" | "keys" | "backups">,
  { region, costCenter }: AwsConfig,
  settings: AwsSettings["timescale"],
  scope: AwsScope,
  imageId: string,
): TimescalePlace {
  const subnet = (index: number) => ({
    id: elementOf(network.privateSubnetIds, index),
    zone: elementOf(network.zones, index),
  });
  return {
    ...{ scope, settings, region, imageId, tags: awsTags(scope, costCenter) },
    subnets: { a: subnet(0), b: subnet(1) },
    clientCidr: network.cidrBlock,
    securityGroupId: network.securityGroupIds.timescale,
    backupBucket: backups,
    dataKeyArn: keys.data,
    secretsKeyArn: keys.secrets,
  };
}

function elementOf(list: pulumi.Input<string[]>, index: number): pulumi.Output<string> {
  return pulumi.output(list).apply((known) => {
    const element = known[index];
    if (element === undefined) throw new pulumi.RunError("The network has fewer than two zones.");
    return element;
  });
}

const DEBIAN = "136693071363"; // Debian's own account, wiki.debian.org/Cloud/AmazonEC2Image

/** The image of the config, or Debian's newest: another one reaches a server only when somebody replaces its machine. */
export async function serverImage({ imageId }: AwsConfig, provider: aws.Provider): Promise<string> {
  if (imageId !== undefined) return imageId;
  const filters = [{ name: "name", values: ["debian-13-arm64-*"] }];
  const { id } = await aws.ec2.getAmi({ owners: [DEBIAN], mostRecent: true, filters }, { provider });
  return id;
}
