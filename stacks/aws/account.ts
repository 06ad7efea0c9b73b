import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsTags, type AwsScope } from "../../components/aws/names.ts";
import { quotaFault, type QuotaUse } from "../../model/aws/quota.ts";
import type { AwsConfig } from "../config/aws-config.ts";

/** The account and region that a stack builds in. */
export interface AwsAccount {
  readonly provider: aws.Provider;
  readonly accountId: string;
  /** As many availability zones as the config asks for. */
  readonly zones: readonly string[];
}

/**
 * Opens the provider of a stack, whose tags everything gets, and looks at what is there.
 * @throws pulumi.RunError where the region has too few zones for the config
 */
export async function openAccount(config: AwsConfig, scope: AwsScope): Promise<AwsAccount> {
  const { region, costCenter } = config;
  const provider = new aws.Provider("aws", {
    region,
    defaultTags: { tags: awsTags(scope, costCenter) },
    ...(config.accountId === undefined ? {} : { allowedAccountIds: [config.accountId] }),
  });
  const [{ accountId }, { names }] = await Promise.all([
    aws.getCallerIdentity({}, { provider }),
    aws.getAvailabilityZones(
      // Local zones and others that an account has to ask for have neither MSK nor RDS.
      { state: "available", filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }] },
      { provider },
    ),
  ]);
  const { zoneCount, zones } = config.network;
  const unknown = (zones ?? []).filter((zone) => !names.includes(zone));
  if (unknown.length > 0)
    throw new pulumi.RunError(
      `Wrong stack config. aws.network.zones: ${region} has no ${unknown.join(", ")}; it has ${names.join(", ")}.`,
    );
  if (names.length < zoneCount)
    throw new pulumi.RunError(
      `Wrong stack config. aws.network.zoneCount: is ${zoneCount}, and ${region} (aws.region) has ${names.length} for this ` +
        `account; two are the least.`,
    );
  return { provider, accountId, zones: zones ?? names.toSorted().slice(0, zoneCount) };
}

const VPC_QUOTA = { serviceCode: "vpc", quotaCode: "L-F678F1CE" };
const ADDRESS_QUOTA = { serviceCode: "ec2", quotaCode: "L-0263D0A3" };

/** @throws pulumi.RunError where the VPC or the addresses of its NAT gateways would not fit into the account's quotas */
export async function checkNetworkQuotas(
  config: AwsConfig,
  scope: AwsScope,
  provider: aws.Provider,
): Promise<void> {
  const { region, network } = config;
  refuseFaults(region, [
    await vpcUse(config, scope, provider, "aws.region"),
    await addressUse(config, scope, provider, network.natCount),
  ]);
}

/** The same for a tenant's own network, which has no NAT gateway. */
export async function checkIsolatedApiQuota(
  config: AwsConfig,
  scope: AwsScope,
  provider: aws.Provider,
): Promise<void> {
  refuseFaults(config.region, [await vpcUse(config, scope, provider, "aws.isolatedApi")]);
}

async function vpcUse(
  { costCenter }: AwsConfig,
  scope: AwsScope,
  provider: aws.Provider,
  key: string,
): Promise<QuotaUse> {
  const [quota, all, own] = await Promise.all([
    aws.servicequotas.getServiceQuota(VPC_QUOTA, { provider }),
    aws.ec2.getVpcs({}, { provider }),
    aws.ec2.getVpcs({ tags: awsTags(scope, costCenter) }, { provider }),
  ]);
  return {
    ...{ what: "VPCs", quotaCode: VPC_QUOTA.quotaCode, quota: quota.value, key },
    ...{ existingCount: all.ids.length, ownCount: own.ids.length, neededCount: 1 },
  };
}

async function addressUse(
  { costCenter }: AwsConfig,
  scope: AwsScope,
  provider: aws.Provider,
  neededCount: number,
): Promise<QuotaUse> {
  const [quota, all, own] = await Promise.all([
    aws.servicequotas.getServiceQuota(ADDRESS_QUOTA, { provider }),
    aws.ec2.getEips({}, { provider }),
    aws.ec2.getEips({ tags: awsTags(scope, costCenter) }, { provider }),
  ]);
  return {
    ...{ what: "elastic IP addresses", quotaCode: ADDRESS_QUOTA.quotaCode, quota: quota.value },
    ...{ existingCount: all.allocationIds.length, ownCount: own.allocationIds.length },
    ...{ neededCount, key: "aws.network.natCount" },
  };
}

function refuseFaults(region: string, uses: readonly QuotaUse[]): void {
  const faults = uses.map((use) => quotaFault(use, region)).filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new pulumi.RunError(`Wrong stack config. ${faults.join("; ")}.`);
}
