import * as pulumi from "@pulumi/pulumi";
import { cellSubjects, type AlarmSubject } from "../../components/aws/alarm-subject.ts";
import { FunctionSecrets, type FunctionSecretsArgs } from "../../components/aws/function-secrets.ts";
import { GradualShift } from "../../components/aws/gradual-shift.ts";
import { LogTopics } from "../../components/aws/log-topics.ts";
import type { AwsScope } from "../../components/aws/names.ts";
import { PlatformFunctions } from "../../components/aws/platform-functions.ts";
import { StoredSecret } from "../../components/aws/stored-secret.ts";
import type { CellAccess } from "../../components/tiers/cell-login.ts";
import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";
import { SHARED_READINGS } from "../../model/topic-name.ts";
import type { AwsConfig } from "../config/aws-config.ts";
import type { SharedCellConfig } from "../config/platform-config.ts";
import { functionPlace, type NewFoundation } from "./foundation.ts";
import { storeIngestLogin } from "./ingest-login.ts";

interface DataPlaneArgs {
  readonly config: AwsConfig;
  readonly scope: AwsScope;
  readonly base: Pick<NewFoundation, "network" | "keys" | "eventLog">;
  readonly catalog: FunctionSecretsArgs["catalog"];
  readonly cells: readonly SharedCellConfig[];
  /** How to reach them, by name. */
  readonly access: pulumi.Output<Readonly<Record<string, CellAccess>>>;
}

/** The topic that tenants share, the functions on it, what they log in with, and what is to be watched of all that. */
export function deployDataPlane(
  { config, scope, base, catalog, cells, access }: DataPlaneArgs,
  opts: pulumi.ComponentResourceOptions,
) {
  const { keys, eventLog } = base;
  const { isProtected, region, mailDomain, functions: settings } = config;
  const topics = new LogTopics(
    "topics",
    {
      clusterArn: eventLog.clusterArn,
      topics: [{ ...SHARED_READINGS, retentionMs: LOG_RETENTION_MS }],
      isProtected,
    },
    opts,
  );
  const { arns: secrets, catalogVersionId } = new FunctionSecrets(
    "functions",
    { scope, kmsKeyArn: keys.secrets, catalog },
    opts,
  );
  for (const { name } of cells)
    new StoredSecret(
      `${name}-access`,
      {
        ...{ scope, kmsKeyArn: keys.secrets, storedName: `cell-${name}` },
        value: pulumi.jsonStringify(accessOf(access, name)),
      },
      opts,
    );
  const loginOf = ({ name: cell, url }: SharedCellConfig) =>
    storeIngestLogin(
      {
        ...{ scope, kmsKeyArn: keys.secrets, cell, isOurServer: url === undefined },
        access: accessOf(access, cell),
      },
      opts,
    );
  // docs/notifications.md
  const notify: Readonly<Record<string, pulumi.Input<string>>> = {
    SNS_REGION: region,
    ...(mailDomain === undefined ? {} : { SES_REGION: region, SES_FROM: `alerts@${mailDomain}` }),
  };
  const { functions, subjects: ofFunctions } = new PlatformFunctions(
    "functions",
    {
      ...{ ...functionPlace(base, config, scope), secrets, clusterName: eventLog.clusterName },
      cells: cells.map((cell) => ({ name: cell.name, secretArn: loginOf(cell) })),
      settings: {
        notify,
      },
      reservedConcurrency: { alert: settings.alertReservedConcurrency },
      shiftsGradually: settings.shiftsGradually,
    },
    // A source is made of a topic that is there.
    { ...opts, dependsOn: [topics] },
  );
  const { releases } = settings.shiftsGradually
    ? new GradualShift("shift", { scope, functions }, opts)
    : { releases: {} };
  const { hasReplica } = config.timescale;
  const subjects: readonly AlarmSubject[] = [
    ...ofFunctions,
    ...cells.flatMap(({ name, url }) => cellSubjects(name, { isOurServer: url === undefined, hasReplica })),
  ];
  return { functions, secrets, notify, catalogVersionId, subjects, releases };
}

function accessOf(
  cells: pulumi.Output<Readonly<Record<string, CellAccess>>>,
  name: string,
): pulumi.Output<CellAccess> {
  return cells.apply((known) => {
    const access = known[name];
    if (access === undefined) throw new pulumi.RunError(`No shared cell '${name}'.`);
    return access;
  });
}
