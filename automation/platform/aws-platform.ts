import type { AwsAccount } from "../../data/aws/ask-aws.ts";
import { runOnServer } from "../../data/aws/run-command.ts";
import { requireCellSecret } from "../../data/cell/cell-secret.ts";
import { prepareCell } from "../../data/cell/prepare-cell.ts";
import type { Tenant } from "../../data/catalog/tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import { costBeside, type CostBeside } from "../../model/cost/stack-cost.ts";
import { NO_USAGE } from "../../model/cost/usage.ts";
import { exceptionsFor } from "../../model/policy/tenant-exception.ts";
import { standingNow } from "../cost/environment.ts";
import { placeOf, quoteBasis, type PricedPlace } from "../cost/quote-basis.ts";
import type { StackConfig } from "../engine/engine.ts";
import type { OperationDependencies, StackPurpose } from "../operations/dependencies.ts";

/**
 * Brings the schema of cells that are there already up to date.
 * @throws MillwrightError `database-unavailable` (retryable) while one has no secret yet, or does not answer
 */
export async function prepareCells(secrets: SecretStore, cells: readonly string[]): Promise<void> {
  for (const cell of cells) await prepareCell(await requireCellSecret(secrets, cell));
}

/** What operations have on AWS only. */
export function awsOperations(
  service: Queryable,
  aws: AwsPlatformSettings,
  account: AwsAccount,
): Pick<OperationDependencies, "stackConfig" | "servers"> {
  return {
    stackConfig: (tenant, purpose) => awsStackConfig(service, aws, tenant, purpose),
    servers: { run: (command, progress) => runOnServer(account, command, progress) },
  };
}

/**
 * What the stack of a tenant on AWS is told beside what every tenant's is. Its budget is asked where it is made: a move is held
 * by its quote before it begins, and nobody has to pay more to rotate passwords, to go back, or to go.
 * @throws MillwrightError `price-missing`, `price-book-missing`
 */
export async function awsStackConfig(
  service: Queryable,
  aws: Pick<
    AwsPlatformSettings,
    | "environment"
    | "environmentBudgetUsdPerMonth"
    | "machines"
    | "region"
    | "stackConfig"
    | "tenantExceptions"
  >,
  tenant: Tenant,
  { isStaying, adds }: StackPurpose,
): Promise<StackConfig> {
  const { id, budgetUsdPerMonth } = tenant;
  const beside =
    isStaying && adds !== "nothing"
      ? await besideOf(service, placeOf(aws), tenant)
      : { elsewhereUsdPerMonth: 0, useUsdPerMonth: 0, shareUsdPerMonth: 0 };
  const budget = budgetUsdPerMonth === null || !isStaying ? {} : { budgetUsdPerMonth };
  return {
    "millwright:target": "aws",
    "millwright:aws": JSON.stringify({ ...aws.stackConfig, ...budget }),
    "millwright:cost": JSON.stringify({
      ...beside,
      holdsBudget: adds === "tenant",
      environmentBudgetUsdPerMonth: aws.environmentBudgetUsdPerMonth,
    }),
    "millwright:policyExceptions": JSON.stringify(exceptionsFor(id, aws.tenantExceptions)),
  };
}

async function besideOf(
  service: Queryable,
  place: PricedPlace,
  { id, tier, machines }: Tenant,
): Promise<CostBeside> {
  const nowMs = Date.now();
  const standing = await standingNow(service, nowMs);
  const measured = standing.get(id)?.measured ?? NO_USAGE;
  standing.delete(id);
  const basis = await quoteBasis(service, place, nowMs, id);
  const others = [...standing.values()];
  return costBeside(basis, { tier, machines, assumptions: {} }, { others, measured });
}
