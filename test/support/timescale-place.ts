import type { TimescalePlace } from "../../components/aws/timescale.ts";
import { AWS_PRESETS } from "../../model/aws/settings.ts";

/** Where a TimescaleDB server of production could stand. */
export function timescalePlace(): TimescalePlace {
  return {
    scope: { environment: "production", tenant: undefined },
    settings: AWS_PRESETS.production.timescale,
    region: "us-east-1",
    imageId: "ami-debian",
    subnets: {
      a: { id: "subnet-1", zone: "us-east-1a" },
      b: { id: "subnet-2", zone: "us-east-1b" },
    },
    clientCidr: "10.64.0.0/16",
    securityGroupId: "sg-timescale",
    backupBucket: { name: "backups", arn: "arn:aws:s3:::backups" },
    dataKeyArn: "arn:key/data",
    secretsKeyArn: "arn:key/secrets",
    tags: { costCenter: "plants" },
  };
}
