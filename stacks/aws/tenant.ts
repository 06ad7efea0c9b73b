import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import {
  cellSubjects,
  consumerSubject,
  functionSubjects,
  tenantSubject,
} from "../../components/aws/alarm-subject.ts";
import { awsTarget } from "../../components/aws/aws-target.ts";
import { HandlerFunction } from "../../components/aws/handler-function.ts";
import { LogTopics } from "../../components/aws/log-topics.ts";
import { awsPath } from "../../components/aws/names.ts";
import { TenantMachines } from "../../components/aws/tenant-machines.ts";
import { TopicSource, type TopicReader } from "../../components/aws/topic-source.ts";
import { PolicyFacts } from "../../components/policy-facts.ts";
import type { CellAccess } from "../../components/tiers/cell-login.ts";
import type { TenantTopics } from "../../model/tenant-log.ts";
import { isShared, parseTopicName } from "../../model/topic-name.ts";
import { readAwsConfig } from "../config/aws-config.ts";
import { readPolicyFacts } from "../config/policy-config.ts";
import { readTenantConfig } from "../config/tenant-config.ts";
import { buildTenant } from "../build-tenant.ts";
import { checkIsolatedApiQuota, openAccount } from "./account.ts";
import { functionPlace, readFoundation, serverImage, timescalePlace } from "./foundation.ts";
import { deployIsolatedApi } from "./isolated-api.ts";
import { storeIngestLogin } from "./ingest-login.ts";
import { watch } from "./watch.ts";

/** One tenant on AWS: its schema, login and topics, and with a cell of its own that cell and the function that fills it. */
export async function awsTenantStack() {
  const tenantConfig = readTenantConfig();
  const { environment, tenant } = tenantConfig;
  const config = readAwsConfig(environment);
  const scope = { environment, tenant: tenant.id };
  new PolicyFacts("policy-facts", readPolicyFacts(config, { tenant: true }));
  const { provider, accountId, zones } = await openAccount(config, scope);
  if (config.isolatedApi !== undefined) await checkIsolatedApiQuota(config, scope, provider);
  const [foundation, imageId] = await Promise.all([
    readFoundation(environment),
    serverImage(config, provider),
  ]);
  const { eventLog, secrets, alarmTopicArn } = foundation;
  const target = awsTarget({
    provider,
    place: timescalePlace(foundation, config, config.dedicatedTimescale, scope, imageId),
    promotedCells: config.promotedCells,
    rotation: tenant.rotation,
  });
  const ours = { providers: { aws: provider } };
  const isProtected = tenant.homes.some((home) => home.isProtected);
  const isOurServer = (cell: string) => tenant.homes.find((home) => home.cell === cell)?.url === undefined;

  const { outputs, dedicated } = buildTenant(tenantConfig, target);
  const ownTopics = outputs.log.topics.filter(({ topic }) => !isShared(topic));
  const topicsArgs = { clusterArn: eventLog.clusterArn, topics: ownTopics, isProtected };
  const topics = new LogTopics("topics", topicsArgs, ours);
  new aws.ssm.Parameter(
    "placement",
    {
      name: awsPath(scope, "placement"),
      type: "String",
      value: outputs.placement.schema.apply((schema) => JSON.stringify({ ...outputs.placement, schema })),
    },
    { provider },
  );

  const fillerOf = (cell: string, access: pulumi.Output<CellAccess>) => {
    const login = { scope, kmsKeyArn: foundation.keys.secrets, cell, access, isOurServer: isOurServer(cell) };
    return new HandlerFunction(
      `ingest-${cell}`,
      {
        ...{ ...functionPlace(foundation, config, scope), handler: "ingest", part: cell },
        secrets: { ...secrets, CELL_SECRET: storeIngestLogin(login, ours) },
        settings: { CELL: cell },
      },
      ours,
    );
  };
  const fillers = dedicated.map(({ cell, access }) => ({ cell, fn: fillerOf(cell, access) }));

  // Functions of the platform read the topic that tenants share already.
  const readings = outputs.log.topics.filter(({ stream }) => stream === "readings");
  const readersOf = (topic: string): readonly TopicReader[] => [
    ...(isShared(topic) ? [] : platformReaders(foundation.functions, tenant.homes)),
    ...fillers.map(({ fn }) => fn),
  ];
  for (const { topic } of readings)
    new TopicSource(
      topic,
      { topic, functions: readersOf(topic), eventLog },
      { ...ours, dependsOn: [topics] },
    );

  const machines = readings.map(
    ({ topic }) =>
      new TenantMachines(
        "machines",
        {
          ...{ scope, region: config.region, accountId, topic, isShared: isShared(topic) },
          ...{ generation: generationOf(tenant.topics), brokers: eventLog.passwordBrokers },
          entrance: foundation.machines,
        },
        { ...ours, dependsOn: [topics] },
      ),
  );

  const isolated = deployIsolatedApi({ config, scope, zones, foundation, isProtected }, ours);

  const subjects = [
    ...(isolated?.subjects ?? []),
    tenantSubject(tenant.id),
    ...fillers.flatMap(({ cell, fn }) => [
      ...functionSubjects(`ingest-${cell}`, fn),
      ...cellSubjects(cell, {
        isOurServer: isOurServer(cell),
        hasReplica: config.dedicatedTimescale.hasReplica,
      }),
    ]),
    ...readings.flatMap(({ topic }) =>
      readersOf(topic).map((reader) =>
        consumerSubject(reader.functionName, reader, topic, eventLog.clusterName),
      ),
    ),
  ];
  watch({ scope, config, subjects, topicArn: alarmTopicArn }, ours);
  return {
    ...outputs,
    /** How the tenant's own network calls; undefined: as everybody does. */
    isolatedApi: isolated?.outputs,
    /** Where machines publish, by a certificate of the group. */
    machines: machines.map(({ topicPrefix, groupName }) => ({
      ...{ endpoint: foundation.machines.endpoint, topicPrefix, groupName },
    })),
  };
}

/** All topics of a tenant's own have its generation, and it always has some. */
function generationOf(topics: TenantTopics): number {
  const own = topics.map(({ topic }) => parseTopicName(topic)).find((name) => name?.tenant !== undefined);
  if (own === undefined) throw new pulumi.RunError("The tenant has no topic of its own (tenant.topics).");
  return own.generation;
}

/** The functions of the platform that a tenant's own topic is for: all that look at every reading, and its cell's. */
function platformReaders(
  functions: Readonly<Record<string, TopicReader>>,
  homes: readonly { readonly cell: string }[],
): readonly TopicReader[] {
  const filling = homes.map(({ cell }) => `ingest-${cell}`);
  return Object.entries(functions)
    .filter(([name, { handler }]) => handler === "alert" || filling.includes(name))
    .map(([, reader]) => reader);
}
