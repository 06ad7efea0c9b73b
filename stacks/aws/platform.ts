import { CatalogDatabase } from "../../components/aws/catalog-database.ts";
import { EncryptionKeys } from "../../components/aws/encryption-keys.ts";
import { EventLog } from "../../components/aws/event-log.ts";
import { Network } from "../../components/aws/network.ts";
import { Notifications } from "../../components/aws/notifications.ts";
import { ObjectStore } from "../../components/aws/object-store.ts";
import { readAwsConfig } from "../config/aws-config.ts";
import { checkNetworkQuotas, openAccount } from "./account.ts";

/** What all tenants of one environment share, on AWS: the network and the services in it. Its cells are not made here yet. */
export async function awsPlatformStack(environment: string) {
  const config = readAwsConfig(environment);
  const { region, isProtected } = config;
  const scope = { environment, tenant: undefined };
  const { provider, accountId, zones } = await openAccount(config, scope);
  await checkNetworkQuotas(config, scope, provider);
  const ours = { providers: { aws: provider } };
  const common = { scope, isProtected };

  const network = new Network("network", { ...common, ...config.network, region, zones }, ours);
  const keys = new EncryptionKeys("keys", { ...common, accountId, region }, ours).arns;
  const store = new ObjectStore(
    "store",
    { ...common, accountId, kmsKeyArn: keys.data, lifecycle: config.archive },
    ours,
  );
  const groups = network.securityGroupIds;
  const catalog = new CatalogDatabase(
    "catalog",
    {
      ...{ ...common, settings: config.catalog, kmsKeyArn: keys.data, secretsKeyArn: keys.secrets },
      ...{ subnetIds: network.databaseSubnetIds, securityGroupId: groups.catalog },
    },
    ours,
  );
  const eventLog = new EventLog(
    "event-log",
    {
      ...{ ...common, settings: config.eventLog, kmsKeyArn: keys.data, logKeyArn: keys.logs },
      // Not in the database subnets: Lambda's reader has its interfaces where the brokers are, and must reach Lambda.
      ...{ subnetIds: network.privateSubnetIds, securityGroupId: groups.eventLog },
      logRetentionDays: config.functions.logRetentionDays,
    },
    ours,
  );
  const { alarmTopicArn } = new Notifications(
    "notifications",
    { scope, accountId, keyArn: keys.messages, operators: config.operators, mailDomain: config.mailDomain },
    ours,
  );

  return {
    network: {
      ...{ vpcId: network.vpcId, privateSubnetIds: network.privateSubnetIds },
      ...{ databaseSubnetIds: network.databaseSubnetIds, securityGroupIds: groups },
    },
    database: {
      host: catalog.host,
      port: catalog.port,
      name: catalog.database,
      adminSecretArn: catalog.adminSecretArn,
    },
    buckets: { archive: store.archive.bucketName, backups: store.backups.bucketName },
    kafka: { clusterArn: eventLog.clusterArn, brokers: eventLog.brokers },
    topics: { alarms: alarmTopicArn },
  };
}
