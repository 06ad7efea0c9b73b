import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { isolatedApiViolations, limitViolations } from "../../model/aws/limits.ts";
import { awsRegion } from "../../model/aws/region.ts";
import {
  AWS_PRESETS,
  awsSettings,
  isolatedApi,
  type AwsPreset,
  type AwsSettings,
  type IsolatedApi,
} from "../../model/aws/settings.ts";
import { jsonConfig } from "./json-config.ts";

// Dashes separate the parts of names (components/aws/names.ts).
const environment = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,11}$/, "2-12 characters: a-z and 0-9; begins with a letter");

const { network, catalog, eventLog, timescale, dedicatedTimescale, functions, service, api, archive } =
  awsSettings.shape;
const aws = z.strictObject({
  region: awsRegion.default("us-east-1"),
  /** When given, credentials of another account are refused. */
  accountId: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  /** Who pays: a tag on everything. */
  costCenter: z.string().min(1).max(64).default("millwright"),
  /** Whose values hold for what is not given here: by default those of the environment of this name. */
  preset: z.enum(Object.keys(AWS_PRESETS) as [AwsPreset, ...AwsPreset[]]).optional(),
  /** Who is told of alarms, by email. */
  operators: z.array(z.email()).max(20).default([]),
  /** What it may cost; left out: nobody is told. In a tenant's stack, what the tenant may. */
  budgetUsdPerMonth: z.number().positive().optional(),
  /** Folder with the functions' code, which `npm run build` makes. */
  bundles: z.string().default(fileURLToPath(new URL("../../dist/handlers", import.meta.url))),
  /** The API's OpenAPI document, which `npm run build` makes. */
  apiDocument: z.string().default(fileURLToPath(new URL("../../dist/openapi.json", import.meta.url))),
  /** Tenants' mail is sent from addresses of this domain; left out: there is no email. */
  mailDomain: z.hostname().optional(),
  /** Of the servers of cells, Debian 13 for arm64; left out: the newest of Debian's own. */
  imageId: z
    .string()
    .regex(/^ami-[0-9a-f]{8,17}$/)
    .optional(),
  /** Cells whose second server is the primary since a recovery (docs/runbooks/timescale-on-aws.md). */
  promotedCells: z.array(z.string()).max(1_000).default([]),
  /** In a tenant's stack: its calls come through a network of its own; left out, through the internet. */
  isolatedApi: isolatedApi.optional(),
  network: network.partial().default({}),
  catalog: catalog.partial().default({}),
  eventLog: eventLog.partial().default({}),
  timescale: timescale.partial().default({}),
  dedicatedTimescale: dedicatedTimescale.partial().default({}),
  functions: functions.partial().default({}),
  service: service.partial().default({}),
  api: api.partial().default({}),
  archive: archive.partial().default({}),
});

/** Settings of a stack on AWS. */
export interface AwsConfig extends AwsSettings {
  readonly environment: string;
  readonly preset: AwsPreset;
  readonly region: string;
  readonly accountId: string | undefined;
  readonly costCenter: string;
  readonly operators: readonly string[];
  readonly mailDomain: string | undefined;
  readonly budgetUsdPerMonth: number | undefined;
  readonly bundles: string;
  readonly apiDocument: string;
  readonly imageId: string | undefined;
  readonly promotedCells: readonly string[];
  readonly isolatedApi: IsolatedApi | undefined;
  /** True unless `millwright:isProtected` is `false`: to be lifted by an `up` before a destroy. */
  readonly isProtected: boolean;
  /** What of it tenants' stacks are told: all but what is the platform's alone, or differs by tenant and machine. */
  readonly forTenants: Readonly<Record<string, unknown>>;
}

const NOT_FOR_TENANTS = new Set(["apiDocument", "budgetUsdPerMonth", "bundles", "operators"]);

/** `millwright:target`: where the stacks build. */
export function readTarget(): "local" | "aws" {
  const text = new pulumi.Config().get("target") ?? "local";
  if (text !== "local" && text !== "aws")
    throw new pulumi.RunError(`Wrong stack config. target: '${text}' is neither local nor aws.`);
  return text;
}

/**
 * `millwright:aws`: what differs from the preset, as JSON.
 * @throws pulumi.RunError that names every key with a wrong value, and what AWS would refuse only in the middle of an `up`
 */
export function readAwsConfig(environmentName: string): AwsConfig {
  const named = environment.safeParse(environmentName);
  if (!named.success)
    throw new pulumi.RunError(
      `Wrong stack config. environment '${environmentName}': ${z.prettifyError(named.error)}`,
    );
  const {
    preset: presetName,
    region,
    accountId,
    costCenter,
    operators,
    mailDomain,
    budgetUsdPerMonth,
    bundles,
    apiDocument,
    imageId,
    promotedCells,
    isolatedApi: isolated,
    ...given
  } = jsonConfig("aws", aws.prefault({}));
  const preset = presetName ?? (named.data in AWS_PRESETS ? (named.data as AwsPreset) : undefined);
  if (preset === undefined)
    throw new pulumi.RunError(
      `Wrong stack config. aws.preset: '${named.data}' is no preset; take ${Object.keys(AWS_PRESETS).join(" or ")}.`,
    );
  const settings = awsSettings.parse(
    Object.fromEntries(
      Object.entries(AWS_PRESETS[preset]).map(([part, values]) => [
        part,
        { ...values, ...given[part as keyof AwsSettings] },
      ]),
    ),
  );
  const violations = [
    ...limitViolations(settings),
    ...(isolated === undefined ? [] : isolatedApiViolations(isolated)),
  ];
  const broken = violations.map(({ key, reason }) => `aws.${key}: ${reason}`);
  if (broken.length > 0) throw new pulumi.RunError(`Wrong stack config. ${broken.join("; ")}.`);
  const all = jsonConfig("aws", z.record(z.string(), z.unknown()).default({}));
  const forTenants = Object.fromEntries(Object.entries(all).filter(([key]) => !NOT_FOR_TENANTS.has(key)));
  const isProtected = jsonConfig("isProtected", z.boolean().default(true));
  return {
    ...settings,
    environment: named.data,
    preset,
    region,
    accountId,
    costCenter,
    operators,
    mailDomain,
    budgetUsdPerMonth,
    bundles,
    apiDocument,
    imageId,
    promotedCells,
    isolatedApi: isolated,
    isProtected,
    forTenants,
  };
}
