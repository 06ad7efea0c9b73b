import * as aws from "@pulumi/aws";
import {
  catalogSubject,
  machineEntranceSubject,
  mailSubject,
  serviceSubjects,
} from "../../components/aws/alarm-subject.ts";
import { awsTarget } from "../../components/aws/aws-target.ts";
import { ControlPlane } from "../../components/aws/control-plane.ts";
import { CatalogDatabase } from "../../components/aws/catalog-database.ts";
import { EncryptionKeys } from "../../components/aws/encryption-keys.ts";
import { EventLog } from "../../components/aws/event-log.ts";
import { MachineEntrance } from "../../components/aws/machine-entrance.ts";
import { Network } from "../../components/aws/network.ts";
import { Notifications } from "../../components/aws/notifications.ts";
import { ServiceLoadBalancer } from "../../components/aws/service-load-balancer.ts";
import { ObjectStore } from "../../components/aws/object-store.ts";
import { PolicyFacts } from "../../components/policy-facts.ts";
import { SharedTier } from "../../components/tiers/shared-tier.ts";
import { readAwsConfig } from "../config/aws-config.ts";
import { readCellPlaces, readCells } from "../config/platform-config.ts";
import { readMachineEntrance, readPolicyFacts } from "../config/policy-config.ts";
import { checkNetworkQuotas, openAccount } from "./account.ts";
import { deployDataPlane } from "./data-plane.ts";
import { deployEntrance } from "./entrance.ts";
import { serverImage, timescalePlace, type NewFoundation } from "./foundation.ts";
import { watch } from "./watch.ts";

/** What all tenants of one environment share, on AWS: the network, the services in it and the shared cells. */
export async function awsPlatformStack(environment: string) {
  const config = readAwsConfig(environment);
  const { region, isProtected } = config;
  const scope = { environment, tenant: undefined };
  const facts = readPolicyFacts(config, { tenant: false });
  new PolicyFacts("policy-facts", facts);
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
  const { alarmTopicArn, mailRecords, mailSettingsName } = new Notifications(
    "notifications",
    {
      ...{ scope, accountId, region, keyArn: keys.messages },
      ...{ operators: config.operators, mailDomain: config.mailDomain },
    },
    ours,
  );

  const balancer = new ServiceLoadBalancer(
    "service",
    {
      ...{ ...common, vpcId: network.vpcId, subnetIds: network.privateSubnetIds },
      ...{ securityGroupId: groups.loadBalancer, certificateArn: config.service.certificateArn },
    },
    ours,
  );

  const entrance = deployEntrance({ config, scope, network, balancer, logKeyArn: keys.logs }, ours);

  const { endpointAddress } = await aws.iot.getEndpoint({ endpointType: "iot:Data-ATS" }, { provider });
  const machines = new MachineEntrance(
    "machines",
    {
      ...{ scope, keyArns: keys, clusterArn: eventLog.clusterArn, vpcId: network.vpcId },
      ...{ subnetIds: network.privateSubnetIds, securityGroupId: groups.machineEntrance },
    },
    ours,
  );

  const base = {
    network: {
      ...{
        cidrBlock: config.network.cidrBlock,
        zones: [...zones],
        privateSubnetIds: network.privateSubnetIds,
      },
      securityGroupIds: { handlers: groups.handlers, timescale: groups.timescale },
    },
    keys,
    backups: { name: store.backups.bucketName, arn: store.backups.arn },
    eventLog: {
      ...{ clusterArn: eventLog.clusterArn, clusterName: eventLog.clusterName },
      ...{ brokers: eventLog.brokers, passwordBrokers: eventLog.passwordBrokers },
    },
  };
  const target = awsTarget({
    provider,
    place: timescalePlace(base, config, config.timescale, scope, await serverImage(config, provider)),
    promotedCells: config.promotedCells,
  });
  const sharedCells = readCells(0);
  const { cells, sslmodes } = new SharedTier("shared", { target, cells: sharedCells, isProtected });
  const { functions, secrets, notify, catalogVersionId, subjects, releases } = deployDataPlane(
    { config, scope, base, catalog, cells: sharedCells, access: cells },
    ours,
  );
  const controlPlane = new ControlPlane(
    "service",
    {
      ...{ ...common, region, accountId, settings: config.service, keyArns: keys, eventLog },
      ...{ subnetIds: network.privateSubnetIds, securityGroupId: groups.service },
      targetGroupArn: balancer.targetGroupArn,
      catalog: { adminSecretArn: catalog.adminSecretArn, loginSecretArn: secrets.CATALOG_SECRET },
      catalogLoginVersion: catalogVersionId,
      state: {
        bucket: config.service.stateBucket ?? `${accountId}-millwright-state`,
        keyAlias: config.service.stateKeyAlias,
      },
      machines: { endpoint: endpointAddress, entrance: readMachineEntrance() },
      sharedCells: readCellPlaces(),
      variables: { ...notify, MILLWRIGHT_CORS_ORIGINS: config.api.corsOrigins.join(",") },
      stackConfig: config.forTenants,
      environmentBudgetUsdPerMonth: facts.environmentBudgetUsdPerMonth,
      tenantExceptions: facts.tenantExceptions ?? [],
    },
    // The load balancer's listener has to have the target group before tasks may be put into it.
    { ...ours, dependsOn: [balancer] },
  );
  const watched = [
    ...subjects,
    ...entrance.subjects,
    ...serviceSubjects(balancer, controlPlane),
    machineEntranceSubject(machines.deadLetterName),
    ...(mailSettingsName === undefined ? [] : [mailSubject(mailSettingsName)]),
    catalogSubject(catalog.identifier),
  ];
  watch({ scope, config, subjects: watched, topicArn: alarmTopicArn }, ours);

  const foundation: NewFoundation = {
    ...{ ...base, secrets, alarmTopicArn, api: entrance.upstream },
    machines: { ...machines.access, endpoint: endpointAddress },
    functions: Object.fromEntries(
      [...functions].map(([name, { handler, functionName, liveArn, deadLetterArn }]) => [
        name,
        { handler, functionName, liveArn, deadLetterArn },
      ]),
    ),
  };
  return {
    ...{ foundation, cells, sslmodes, releases },
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
    functions: Object.fromEntries([...functions].map(([name, { functionName }]) => [name, functionName])),
    service: { url: balancer.url, repository: controlPlane.repositoryUrl },
    api: { url: entrance.api.url, domainTarget: entrance.api.domainTarget },
    machines: { endpoint: endpointAddress },
    kafka: { clusterArn: eventLog.clusterArn, brokers: eventLog.brokers },
    topics: { alarms: alarmTopicArn },
    mail: { dnsRecords: mailRecords },
  };
}
