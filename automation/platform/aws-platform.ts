import { requireCellSecret } from "../../data/cell/cell-secret.ts";
import { prepareCell } from "../../data/cell/prepare-cell.ts";
import type { Tenant } from "../../data/catalog/tenant.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import type { StackConfig } from "../engine/engine.ts";

/**
 * Brings the schema of cells that are there already up to date.
 * @throws MillwrightError `database-unavailable` (retryable) while one has no secret yet, or does not answer
 */
export async function prepareCells(secrets: SecretStore, cells: readonly string[]): Promise<void> {
  for (const cell of cells) await prepareCell(await requireCellSecret(secrets, cell));
}

/** What the stack of a tenant on AWS is told beside what every tenant's is. */
export function awsStackConfig(
  { stackConfig }: Pick<AwsPlatformSettings, "stackConfig">,
  { budgetUsdPerMonth }: Pick<Tenant, "budgetUsdPerMonth">,
): StackConfig {
  const budget = budgetUsdPerMonth === null ? {} : { budgetUsdPerMonth };
  return { "millwright:target": "aws", "millwright:aws": JSON.stringify({ ...stackConfig, ...budget }) };
}
