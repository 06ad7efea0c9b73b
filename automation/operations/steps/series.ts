import { checkOwnership } from "../../../data/catalog/ownership.ts";
import { readCellSecret } from "../../../data/cell/cell-secret.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { placedTenant } from "./stack.ts";
import type { OperationRun } from "./step.ts";

/** Makes the tenant's tables, fence and positions in its cell, or fits them to what has changed. */
export async function prepareSeries(run: OperationRun): Promise<undefined> {
  const { owned, deps } = run;
  const { tenant, placement } = await placedTenant(run);
  const secret = await readCellSecret(deps.secrets, placement.cell);
  if (secret === undefined) {
    throw new MillwrightError("database-unavailable", `The cell ${placement.cell} has no connection yet.`, {
      retryable: true,
    });
  }
  await checkOwnership(deps.catalog.service, owned);
  // a shared cell is prepared with the platform, at the start
  if (tenant.tier === "dedicated") await deps.cells.prepareCell(secret);
  await deps.cells.prepareTenant(secret, {
    tenant: tenant.id,
    machines: tenant.machines,
    topics: placement.topics.filter(({ stream }) => stream === "readings"),
    epoch: placement.epoch,
    role: "primary",
  });
  return undefined;
}
