import { Network } from "../../components/aws/network.ts";
import { readAwsConfig } from "../config/aws-config.ts";
import { checkNetworkQuotas, openAccount } from "./account.ts";

/** What all tenants of one environment share, on AWS. */
export async function awsPlatformStack(environment: string) {
  const config = readAwsConfig(environment);
  const { region, isProtected } = config;
  const scope = { environment, tenant: undefined };
  const { provider, zones } = await openAccount(config, scope);
  await checkNetworkQuotas(config, scope, provider);
  const ours = { providers: { aws: provider } };

  const network = new Network("network", { ...config.network, scope, region, zones, isProtected }, ours);
  return {
    network: {
      vpcId: network.vpcId,
      privateSubnetIds: network.privateSubnetIds,
      databaseSubnetIds: network.databaseSubnetIds,
      securityGroupIds: network.securityGroupIds,
    },
  };
}
