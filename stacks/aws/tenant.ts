import { awsTarget } from "../../components/aws/aws-target.ts";
import { TenantTopics } from "../../components/aws/tenant-topics.ts";
import { readAwsConfig } from "../config/aws-config.ts";
import { readTenantConfig } from "../config/tenant-config.ts";
import { buildTenant } from "../build-tenant.ts";
import { openAccount } from "./account.ts";
import { readFoundation, serverImage, timescalePlace } from "./foundation.ts";

/** One tenant on AWS: its schema, login and topics, and with a cell of its own the servers of that. */
export async function awsTenantStack() {
  const tenantConfig = readTenantConfig();
  const { environment, tenant } = tenantConfig;
  const config = readAwsConfig(environment);
  const scope = { environment, tenant: tenant.id };
  const { provider } = await openAccount(config, scope);
  const [foundation, imageId] = await Promise.all([
    readFoundation(environment),
    serverImage(config, provider),
  ]);
  const target = awsTarget({
    provider,
    place: timescalePlace(foundation, config, config.dedicatedTimescale, scope, imageId),
    promotedCells: config.promotedCells,
  });
  const ours = { providers: { aws: provider } };
  const isProtected = tenant.homes.some((home) => home.isProtected);

  const { outputs } = buildTenant(tenantConfig, target);
  const { clusterArn } = foundation.eventLog;
  new TenantTopics("topics", { clusterArn, log: outputs.log, isProtected }, ours);
  return outputs;
}
