import * as z from "zod";
import { policyException } from "../../model/policy/exception.ts";
import {
  budgetUsd,
  costUsd,
  ENVIRONMENT_BUDGET_USD,
  MOST_EXCEPTIONS,
  type PolicyFacts,
} from "../../model/policy/facts.ts";
import type { AwsConfig } from "./aws-config.ts";
import { jsonConfig } from "./json-config.ts";

const cost = z.strictObject({
  environmentBudgetUsdPerMonth: budgetUsd.default(ENVIRONMENT_BUDGET_USD),
  /** The environment's other stacks, with the use of their tenants; left out, the policy refuses. */
  elsewhereUsdPerMonth: costUsd.optional(),
  /** In a tenant's stack: what its use costs, and its part of what is shared; `POST /v1/cost/quote` says both. */
  useUsdPerMonth: costUsd.optional(),
  shareUsdPerMonth: costUsd.optional(),
  /** In a tenant's stack: false where nothing is to be added, so that nobody has to pay more to rotate, or to go back. */
  holdsBudget: z.boolean().default(true),
});

const exceptions = z.array(policyException).max(MOST_EXCEPTIONS);

/**
 * `millwright:cost` and `millwright:policyExceptions`, with what the policy must know of the environment beside them. The
 * tenant's budget is `aws.budgetUsdPerMonth` of its stack.
 * @param tenant - whether the stack is one tenant's
 */
export function readPolicyFacts(
  { environment, preset, region, budgetUsdPerMonth }: AwsConfig,
  { tenant }: { readonly tenant: boolean },
): PolicyFacts {
  const { environmentBudgetUsdPerMonth, elsewhereUsdPerMonth, holdsBudget, ...ofTenant } = jsonConfig(
    "cost",
    cost.prefault({}),
  );
  return {
    ...{ environment, preset, region, environmentBudgetUsdPerMonth, elsewhereUsdPerMonth },
    ...(tenant
      ? { tenant: { budgetUsdPerMonth: holdsBudget ? budgetUsdPerMonth : undefined, ...ofTenant } }
      : {}),
    exceptions: jsonConfig("policyExceptions", exceptions.prefault([])),
  };
}
