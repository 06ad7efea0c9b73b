import * as z from "zod";
import { ENTRANCES } from "../cost/entrance.ts";
import { tenantException } from "../policy/tenant-exception.ts";
import { awsRegion } from "./region.ts";

const text = z.string().min(1);

/**
 * What a control plane on AWS is told, as JSON in the one variable `MILLWRIGHT_AWS`. Nothing in it is a secret: those are
 * named, by ARN or by what their names begin with.
 */
export const awsPlatformSettings = z.strictObject({
  region: awsRegion,
  /** Names the platform's stack. */
  environment: z.string().regex(/^[a-z][a-z0-9]{1,11}$/),
  secrets: z.strictObject({
    /** What the names of the deployment's secrets begin with: `PREFIX/cell-shared-1`. */
    prefix: z.string().regex(/^[a-z0-9-]+$/),
    /** Left out: encrypted by AWS's own key. */
    kmsKeyArn: text.optional(),
  }),
  /** Where the stacks' state is, and who encrypts the secrets in it. */
  state: z.strictObject({
    url: z.string().regex(/^s3:\/\//),
    secretsProvider: z.string().regex(/^awskms:\/\//),
  }),
  /** The platform's shared cells; how to reach each is its secret. */
  sharedCells: z.array(z.strictObject({ name: text, tenantCapacity: z.int().min(1) })).readonly(),
  /** `millwright:aws` of tenants' stacks. */
  stackConfig: z.record(z.string(), z.unknown()),
  /** What all stacks of the environment may cost together; left out: the gate's own. */
  environmentBudgetUsdPerMonth: z.number().positive().optional(),
  /** From the rules of the policy pack, for the stacks of tenants. */
  tenantExceptions: z.array(tenantException).readonly().default([]),
  catalog: z.strictObject({
    /** ARN of the login that functions have, with the database's address. */
    serviceSecret: text,
    /** ARN of the administrator's user and password, which change by themselves. */
    adminSecret: text,
  }),
  machines: z.strictObject({
    /** Where they connect to IoT Core. */
    endpoint: z.string().regex(/^[a-z0-9.-]+$/),
    /** How most readings come, for quotes and bills. */
    entrance: z.enum(ENTRANCES).default("iot"),
  }),
});
export type AwsPlatformSettings = z.infer<typeof awsPlatformSettings>;
