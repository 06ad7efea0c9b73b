import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { awsName, awsPath, type AwsScope } from "./names.ts";
import { StoredSecret } from "./stored-secret.ts";
import { TimescaleRole } from "./timescale-role.ts";
import { ADMIN_ROLE, POOLER_PORT, POSTGRES_PORT, SERVE_COMMAND, userData } from "./timescale/user-data.ts";

/** What every TimescaleDB server of an environment stands on. */
export interface TimescalePlace {
  readonly scope: AwsScope;
  readonly settings: AwsSettings["timescale"];
  readonly region: string;
  /** Debian 13 for arm64, or an image made of it. */
  readonly imageId: pulumi.Input<string>;
  /** Of the first server and of the second, in different zones. */
  readonly subnets: Readonly<
    Record<Node, { readonly id: pulumi.Input<string>; readonly zone: pulumi.Input<string> }>
  >;
  readonly clientCidr: string;
  readonly securityGroupId: pulumi.Input<string>;
  readonly backupBucket: { readonly name: pulumi.Input<string>; readonly arn: pulumi.Input<string> };
  readonly dataKeyArn: pulumi.Input<string>;
  readonly secretsKeyArn: pulumi.Input<string>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface TimescaleArgs {
  readonly place: TimescalePlace;
  /** A password each. */
  readonly logins: Readonly<Record<"admin" | "replicator" | "pooler", pulumi.Output<string>>>;
  /** Changes hands after a recovery (docs/runbooks/timescale-on-aws.md). */
  readonly primary: Node;
  readonly isProtected: boolean;
}

const NODES = ["a", "b"] as const;
type Node = (typeof NODES)[number];

const MAX_CONNECTIONS = 200;
const ROOT_VOLUME_GB = 16;
// What gp3 has without a surcharge.
const PERFORMANCE = { iops: 3_000, throughput: 125 } as const;
const READY_LIMIT_SECONDS = 1_800; // packages, cluster and first backup; a replica waits for that backup

/**
 * TimescaleDB on EC2: a primary and, by its settings, a replica in another zone. Address and volumes outlive the machine;
 * there is no failover of its own. A machine is replaced on demand only, never because its launch template changed.
 */
export class Timescale extends pulumi.ComponentResource {
  /** Known when the server serves, with its passwords set. */
  readonly host: pulumi.Output<string>;
  readonly replicaHost: pulumi.Output<string> | undefined;
  readonly port = POSTGRES_PORT;
  readonly poolerPort = POOLER_PORT;
  readonly user = ADMIN_ROLE;
  readonly password: pulumi.Output<string>;
  /** The primary's, in PEM, for its clients to pin. */
  readonly certificate: pulumi.Output<string>;
  readonly loginsSecretArn: pulumi.Output<string>;
  /** The primary's first. */
  readonly instanceIds: pulumi.Output<readonly string[]>;
  /** Goes with everything on the server. */
  readonly container: pulumi.Resource;

  constructor(name: string, args: TimescaleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Timescale", name, {}, opts);
    const { place, logins, primary, isProtected: protect } = args;
    if (primary === "b" && !place.settings.hasReplica)
      throw new pulumi.RunError(
        `Wrong stack config. ${name} has no second server to be its primary: timescale.hasReplica is false.`,
      );
    const logged = { scope: place.scope, kmsKeyArn: place.secretsKeyArn };
    const secret = new StoredSecret(
      `${name}-logins`,
      { ...logged, value: pulumi.jsonStringify(logins) },
      { parent: this },
    );
    const certificateOf = (node: Node) => awsPath(place.scope, `${name}-${node}/certificate`);
    const { instanceProfileArn } = new TimescaleRole(
      `${name}-server`,
      {
        scope: place.scope,
        cell: name,
        backupBucketArn: place.backupBucket.arn,
        dataKeyArn: place.dataKeyArn,
        secretsKeyArn: place.secretsKeyArn,
        loginsSecretArn: secret.arn,
        certificateParameters: NODES.map(certificateOf),
      },
      { parent: this },
    );

    const addressOf = (node: Node) => this.#address(`${name}-${node}`, place, node);
    const machineOf = (
      node: Node,
      address: aws.ec2.NetworkInterface,
      peer: aws.ec2.NetworkInterface | undefined,
    ) =>
      this.#machine(`${name}-${node}`, place, {
        ...{ node, address, protect, instanceProfileArn },
        userData: (dataVolumeId, walVolumeId) =>
          pulumi
            .output({
              dataVolumeId,
              walVolumeId,
              loginsSecretArn: secret.arn,
              backupBucket: place.backupBucket.name,
              kmsKeyArn: place.dataKeyArn,
              peerHost: peer?.privateIp,
            })
            .apply(({ peerHost, ...known }) =>
              userData({
                ...known,
                peerHost,
                name,
                certificateParameter: certificateOf(node),
                role: node === primary ? "primary" : "replica",
                region: place.region,
                sizes: { ...place.settings, maxConnections: MAX_CONNECTIONS },
                backupRetentionDays: place.settings.backupRetentionDays,
                clientCidr: place.clientCidr,
              }).toString("base64"),
            ),
      });
    const addressA = addressOf("a");
    const addressB = place.settings.hasReplica ? addressOf("b") : undefined;
    const a = { address: addressA, machine: machineOf("a", addressA, addressB) };
    const b = addressB && { address: addressB, machine: machineOf("b", addressB, addressA) };
    const ready = this.#passwords(
      name,
      b === undefined ? [a.machine] : [a.machine, b.machine],
      secret.versionId,
    );

    const [first, second] = primary === "a" || b === undefined ? [a, b] : [b, a];
    this.host = after(ready, first.address.privateIp);
    this.replicaHost = second && after(ready, second.address.privateIp);
    this.password = after(ready, logins.admin);
    // Read again in every run: a server whose data volume was lost has another one.
    this.certificate = aws.ssm.getParameterOutput(
      { name: certificateOf(primary) },
      { parent: this, dependsOn: [ready] },
    ).value;
    this.loginsSecretArn = secret.arn;
    this.instanceIds = pulumi.all(
      [first, ...(second === undefined ? [] : [second])].map(({ machine }) => machine.id),
    );
    this.container = first.machine;
    this.registerOutputs({ host: this.host, loginsSecretArn: this.loginsSecretArn });
  }

  /** The address stays when the machine behind it is another one. */
  #address(name: string, place: TimescalePlace, node: Node): aws.ec2.NetworkInterface {
    return new aws.ec2.NetworkInterface(
      name,
      {
        description: `TimescaleDB ${name}`,
        subnetId: place.subnets[node].id,
        securityGroups: [place.securityGroupId],
      },
      { parent: this },
    );
  }

  #machine(
    name: string,
    place: TimescalePlace,
    machine: {
      readonly node: Node;
      readonly address: aws.ec2.NetworkInterface;
      readonly protect: boolean;
      readonly instanceProfileArn: pulumi.Input<string>;
      readonly userData: (
        dataVolumeId: pulumi.Input<string>,
        walVolumeId: pulumi.Input<string>,
      ) => pulumi.Input<string>;
    },
  ): aws.ec2.Instance {
    const { scope, settings, tags } = place;
    const { protect } = machine;
    const volume = (part: "data" | "wal", sizeGb: number) =>
      new aws.ebs.Volume(
        `${name}-${part}`,
        {
          ...PERFORMANCE,
          type: "gp3",
          size: sizeGb,
          availabilityZone: place.subnets[machine.node].zone,
          encrypted: true,
          kmsKeyId: place.dataKeyArn,
          finalSnapshot: true,
          tags: { ...tags, Name: awsName("other", scope, `${name}-${part}`) },
        },
        { parent: this, protect },
      );
    const volumes = {
      "/dev/sdf": volume("data", settings.dataVolumeGb),
      "/dev/sdg": volume("wal", settings.walVolumeGb),
    };
    const machineTags = { ...tags, Name: awsName("other", scope, name) };
    const template = new aws.ec2.LaunchTemplate(
      name,
      {
        name: awsName("launchTemplate", scope, name),
        updateDefaultVersion: true,
        imageId: place.imageId,
        instanceType: settings.instanceType,
        ebsOptimized: "true",
        iamInstanceProfile: { arn: machine.instanceProfileArn },
        // Version 2 only, and one hop: a request that was tricked out of a process on the server gets no credentials.
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        blockDeviceMappings: [
          {
            deviceName: "/dev/xvda",
            ebs: {
              ...PERFORMANCE,
              volumeType: "gp3",
              volumeSize: ROOT_VOLUME_GB,
              encrypted: "true",
              kmsKeyId: place.dataKeyArn,
              deleteOnTermination: "true",
            },
          },
        ],
        // No key pair and no port for SSH: people come in by SSM.
        userData: machine.userData(volumes["/dev/sdf"].id, volumes["/dev/sdg"].id),
        // The provider's default tags reach no volume that an instance makes.
        tagSpecifications: ["instance", "volume"].map((resourceType) => ({
          resourceType,
          tags: machineTags,
        })),
      },
      { parent: this },
    );
    const instance = new aws.ec2.Instance(
      name,
      {
        launchTemplate: { id: template.id, version: "$Latest" },
        primaryNetworkInterface: { networkInterfaceId: machine.address.id },
        disableApiTermination: protect,
        tags: machineTags,
      },
      // Address and volumes belong to one machine at a time.
      { parent: this, protect, deleteBeforeReplace: true },
    );
    for (const [deviceName, { id: volumeId }] of Object.entries(volumes))
      new aws.ec2.VolumeAttachment(
        `${name}-${deviceName === "/dev/sdf" ? "data" : "wal"}`,
        { deviceName, volumeId, instanceId: instance.id, stopInstanceBeforeDetaching: true },
        { parent: this, deleteBeforeReplace: true },
      );
    return instance;
  }

  /**
   * Sets the passwords on every server: once it is set up, and again for each new version of the secret. So a rotation
   * is one `up`, and what logs in waits for it.
   */
  #passwords(name: string, machines: readonly aws.ec2.Instance[], versionId: pulumi.Input<string>) {
    return new aws.ssm.Association(
      name,
      {
        name: "AWS-RunShellScript",
        targets: [{ key: "InstanceIds", values: machines.map(({ id }) => id) }],
        parameters: {
          commands: pulumi.interpolate`${SERVE_COMMAND} # ${versionId}`,
        },
        waitForSuccessTimeoutSeconds: READY_LIMIT_SECONDS,
      },
      { parent: this },
    );
  }
}

/** The value, once the resource is there. */
function after<T>(resource: pulumi.CustomResource, value: pulumi.Output<T>): pulumi.Output<T> {
  return pulumi.all([value, resource.id]).apply(([known]) => known as T);
}
