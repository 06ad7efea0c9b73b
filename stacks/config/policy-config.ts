import * as z from "zod";
import { ENTRANCES, type Entrance } from "../../model/cost/entrance.ts";
import { policyException } from "../../model/policy/exception.ts";
import { tenantException } from "../../model/policy/tenant-exception.ts";
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
  /** In the platform's stack: how most readings come, for quotes and bills. */
  machineEntrance: z.enum(ENTRANCES).default("iot"),
  /** In a tenant's stack: what its use costs, and its part of what is shared; `POST /v1/cost/quote` says both. */
  useUsdPerMonth: costUsd.optional(),
  shareUsdPerMonth: costUsd.optional(),
  /**
   * In a tenant's stack: false where the service adds nothing, so that nobody has to pay more to rotate, or to go back. It takes
   * no more away than a budget that is left out, and the budget that AWS watches stays.
   */
  holdsBudget: z.boolean().default(true),
});

export function readMachineEntrance(): Entrance {
  return jsonConfig("cost", cost.prefault({})).machineEntrance;
}

const exceptions = z.array(policyException).max(MOST_EXCEPTIONS);
const tenantExceptions = z.array(tenantException).max(MOST_EXCEPTIONS);

/**
 * `millwright:cost` and `millwright:policyExceptions`, with what the policy must know of the environment beside them; in the
 * platform's stack `millwright:tenantExceptions` too. The tenant's budget is `aws.budgetUsdPerMonth` of its stack.
 * @param tenant - whether the stack is one tenant's
 */
export function readPolicyFacts(
  { environment, preset, region, budgetUsdPerMonth }: AwsConfig,
  { tenant }: { readonly tenant: boolean },
): PolicyFacts {
  const {
    environmentBudgetUsdPerMonth,
    elsewhereUsdPerMonth,
    useUsdPerMonth,
    shareUsdPerMonth,
    holdsBudget,
  } = jsonConfig("cost", cost.prefault({}));
  const ofTenant = { useUsdPerMonth, shareUsdPerMonth };
  return {
    ...{ environment, preset, region, environmentBudgetUsdPerMonth, elsewhereUsdPerMonth },
    ...(tenant
      ? { tenant: { budgetUsdPerMonth: holdsBudget ? budgetUsdPerMonth : undefined, ...ofTenant } }
      : { tenantExceptions: jsonConfig("tenantExceptions", tenantExceptions.prefault([])) }),
    exceptions: jsonConfig("policyExceptions", exceptions.prefault([])),
  };
}
