import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ownerHeaders } from "../../model/topic-name.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { MachineEntranceAccess } from "./machine-entrance.ts";
import { MACHINE_ATTRIBUTE, machineEntranceNames, type AwsScope } from "./names.ts";
import { policyOf, type Statement } from "./policy.ts";

export interface TenantMachinesArgs {
  readonly scope: AwsScope & { readonly tenant: TenantId };
  readonly region: string;
  readonly accountId: string;
  /** Of readings: the tenant's own, or the one that it shares. */
  readonly topic: string;
  readonly isShared: boolean;
  /** Of the tenant, among those that had its id. */
  readonly generation: number;
  /** `host:port,…` of the listener for logins that are no IAM identity. */
  readonly brokers: pulumi.Input<string>;
  readonly entrance: MachineEntranceAccess;
}

/**
 * A tenant's machines at IoT Core. Whose message it is follows from where it may be published: each tenant has a rule of
 * its own, and a certificate of the tenant's group may publish to that rule alone, under its own machine's name.
 */
export class TenantMachines extends pulumi.ComponentResource {
  /** Before `sensors/MACHINE/telemetry` and `events/READER/scan`. */
  readonly topicPrefix: string;
  readonly groupName: string;

  constructor(name: string, args: TenantMachinesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:TenantMachines", name, {}, opts);
    const { scope, entrance } = args;
    const child = { parent: this };
    const { group: groupName, rule: ruleName, topicPrefix } = machineEntranceNames(scope);
    this.topicPrefix = topicPrefix;
    this.groupName = groupName;

    const group = new aws.iot.ThingGroup(
      name,
      { name: this.groupName, properties: { attributePayload: { attributes: { tenant: scope.tenant } } } },
      child,
    );
    const policy = new aws.iot.Policy(
      name,
      { name: this.groupName, policy: policyOf(mayDo(args, this.topicPrefix), "iot") },
      child,
    );
    new aws.iot.PolicyAttachment(name, { policy: policy.name, target: group.arn }, child);
    new aws.iot.TopicRule(
      name,
      {
        name: ruleName,
        description: `Readings of ${scope.tenant}'s machines`,
        enabled: true,
        sqlVersion: "2016-03-23",
        // Byte by byte as it came: what it says is for consumers to find out, as with every record. There is nothing to
        // select from, for the rule is published to by its name alone.
        sql: "SELECT encode(*, 'base64') AS payload",
        kafkas: [
          {
            destinationArn: entrance.destinationArn,
            topic: args.topic,
            // A machine's records stay in order. In a shared topic every tenant may have an m-001.
            key: args.isShared ? `${scope.tenant}/\${topic(2)}` : "${topic(2)}",
            headers: headersOf(args).map(([key, value]) => ({ key, value })),
            clientProperties: clientProperties(args),
          },
        ],
        errorAction: {
          sqs: { queueUrl: entrance.deadLetterUrl, roleArn: entrance.roleArn, useBase64: false },
        },
      },
      child,
    );
    this.registerOutputs({});
  }
}

/** As our other entrances write them (automation/entrance/intake.ts); `mqtt-topic` says that the value is a message. */
function headersOf({ scope, isShared, generation }: TenantMachinesArgs): [string, string][] {
  return [
    ["mqtt-topic", "${topic()}"], // without the prefix
    ["produced-at", "${timestamp()}"],
    ["source", "live"],
    ...(isShared ? Object.entries(ownerHeaders(scope.tenant, generation)) : []),
  ];
}

function clientProperties({ brokers, entrance }: TenantMachinesArgs) {
  const { loginSecretArn: secret, roleArn: role } = entrance;
  const read = (field: string) =>
    pulumi.interpolate`\${get_secret('${secret}', 'SecretString', '${field}', '${role}')}`;
  return {
    "bootstrap.servers": brokers,
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.scram.username": read("username"),
    "sasl.scram.password": read("password"),
    acks: "all",
    "compression.type": "none",
    "key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
    "value.serializer": "org.apache.kafka.common.serialization.ByteBufferSerializer",
  };
}

/** What a certificate may, by the thing that it is attached to. */
function mayDo({ region, accountId }: TenantMachinesArgs, topicPrefix: string): Statement[] {
  const at = (resource: string) => `arn:aws:iot:${region}:${accountId}:${resource}`;
  const thing = "${iot:Connection.Thing.ThingName}";
  const machine = `\${iot:Connection.Thing.Attributes[${MACHINE_ATTRIBUTE}]}`;
  // Its configuration: it asks for what is wanted, reports what is, and hears every answer. To name the answers one by one
  // there is no room in a policy of IoT Core.
  const shadow = `$aws/things/${thing}/shadow`;
  return [
    {
      Action: "iot:Connect",
      Resource: at(`client/${thing}`),
      Condition: { Bool: { "iot:Connection.Thing.IsAttached": "true" } },
    },
    {
      Action: "iot:Publish",
      Resource: [
        at(`topic/${topicPrefix}sensors/${machine}/telemetry`),
        at(`topic/${topicPrefix}events/${machine}/scan`),
        at(`topic/${shadow}/get`),
        at(`topic/${shadow}/update`),
      ],
    },
    { Action: "iot:Subscribe", Resource: at(`topicfilter/${shadow}/*`) },
    { Action: "iot:Receive", Resource: at(`topic/${shadow}/*`) },
  ];
}
