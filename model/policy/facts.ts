import * as z from "zod";
import { awsRegion } from "../aws/region.ts";
import { AWS_PRESETS, type AwsPreset } from "../aws/settings.ts";
import { policyException } from "./exception.ts";
import { tenantException } from "./tenant-exception.ts";

/** The component whose inputs they are: a plan holds resources and nothing else. */
export const POLICY_FACTS_TYPE = "millwright:policy:Facts";

/** What all stacks of an environment may cost together, use included (seeds/000). */
export const ENVIRONMENT_BUDGET_USD = 50_000;
export const MOST_EXCEPTIONS = 20;

export const budgetUsd = z.number().positive().max(1e9);
export const costUsd = z.number().min(0).max(1e9);

/** What the policy must know of a stack beside its resources. What is left out is not known, and what needs it refuses. */
export const policyFacts = z.strictObject({
  environment: z.string().min(1),
  /** Whose limits hold. */
  preset: z.enum(Object.keys(AWS_PRESETS) as [AwsPreset, ...AwsPreset[]]),
  /** Whose prices hold. */
  region: awsRegion,
  environmentBudgetUsdPerMonth: budgetUsd,
  /** The environment's other stacks, with the use of their tenants. */
  elsewhereUsdPerMonth: costUsd.optional(),
  /** In a tenant's stack. */
  tenant: z
    .strictObject({
      /** Left out, the environment's budget is the only one. */
      budgetUsdPerMonth: budgetUsd.optional(),
      /** What it uses: requests, computing time, transfer, storage beyond its servers' own. */
      useUsdPerMonth: costUsd.optional(),
      /** Its part of what tenants share, which the platform's stack pays. */
      shareUsdPerMonth: costUsd.optional(),
    })
    .optional(),
  exceptions: z.array(policyException).max(MOST_EXCEPTIONS),
  /** In the platform's stack: what the service passes on to those of tenants. */
  tenantExceptions: z.array(tenantException).max(MOST_EXCEPTIONS).optional(),
});
export type PolicyFacts = z.infer<typeof policyFacts>;
