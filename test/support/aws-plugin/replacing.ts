/** Changes that make another resource, wherever a type has such a property. */
const EVERYWHERE = [
  ...["name", "namePrefix", "bucket", "identifier", "clusterName", "vpcId", "availabilityZone", "cidrBlock"],
  ...["zoneName", "logGroupName", "queueUrl"],
];

/** Changes that make another resource of a type that holds data, or of what it stands on. */
const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  "aws:ebs/volume:Volume": ["encrypted", "kmsKeyId", "snapshotId"],
  "aws:ec2/instance:Instance": ["subnetId", "ami", "privateIp"],
  "aws:ec2/subnet:Subnet": ["availabilityZoneId"],
  "aws:ec2/volumeAttachment:VolumeAttachment": ["deviceName", "instanceId", "volumeId"],
  "aws:lambda/function:Function": ["packageType"],
  "aws:msk/cluster:Cluster": ["kafkaVersion"],
  "aws:rds/instance:Instance": [
    "engine",
    "username",
    "dbName",
    "kmsKeyId",
    "storageEncrypted",
    "dbSubnetGroupName",
  ],
  "aws:secretsmanager/secretVersion:SecretVersion": ["secretString"],
};

/** Those of the changed properties for which AWS makes a new resource in the place of the old one. */
export function replacingProperties(token: string, changed: readonly string[]): string[] {
  const replacing = new Set([...EVERYWHERE, ...(BY_TYPE[token] ?? [])]);
  return changed.filter((property) => replacing.has(property));
}
