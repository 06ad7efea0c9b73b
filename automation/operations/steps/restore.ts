import { checkOwnership } from "../../../data/catalog/ownership.ts";
import { requireCellSecret } from "../../../data/cell/cell-secret.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { scriptTime } from "../../../model/restore.ts";
import { PREVIEW_LOGINS, RENEW_LOGINS } from "./rotate.ts";
import { prepareSeries } from "./series.ts";
import { homesOf, placedTenant, stackOutputs, tenantSession } from "./stack.ts";
import type { OperationRun, Step, StepRun } from "./step.ts";

/** A server that has just been restored makes its first full backup, and the handlers are at it at once. */
const SETTLING_LIMIT_MS = 60_000;
const SCRIPTS = "/usr/local/lib/millwright";

/** The servers of the tenant's cell as its stack has them, the primary first. */
async function serversOf(run: OperationRun) {
  const placed = await placedTenant(run);
  const { cell } = placed.placement;
  const homes = await homesOf(run, placed.placement);
  const session = await tenantSession(
    run,
    placed,
    homes.map((home) => ({ ...home, isProtected: true })),
  );
  const [primary, replica] = (await stackOutputs(session)).servers[cell] ?? [];
  if (primary !== undefined) return { cell, primary, replica };
  const message =
    `The stack of ${run.owned.tenant} does not name its servers: it is older than this release. Bring it up once ` +
    "(tenant rotate), or restore by the runbook.";
  throw new MillwrightError("restore-unavailable", message);
}

async function runScript(run: StepRun, instanceId: string, script: string): Promise<void> {
  const { owned, deps, signal, report } = run;
  const { operation, attempt } = owned;
  const [name = ""] = script.split(" ");
  await checkOwnership(deps.catalog.service, owned);
  if (deps.servers === undefined)
    throw new MillwrightError(
      "restore-unavailable",
      "This service reaches no servers: it does not run on AWS.",
    );
  await deps.servers.run(
    // The same after a kill, which then waits for what was sent; another one with each retry.
    { instanceId, id: `millwright ${operation} ${attempt} ${name}`, script: `${SCRIPTS}/${script}` },
    { signal, report: (status) => report({ server: instanceId, status }) },
  );
}

async function findServers(run: OperationRun) {
  return serversOf(run);
}

/** From here on the database is away until it has gone back; who reads or writes waits as in any outage. */
async function restorePrimary(run: StepRun) {
  const { cell, primary } = await serversOf(run);
  const { to } = run.owned.input as { readonly to: string };
  await runScript(run, primary, `restore.sh ${cell} '${scriptTime(to)}'`);
  return { server: primary, to };
}

/** What a replica has of the time that was given up is overwritten. */
async function followPrimary(run: StepRun) {
  const { replica } = await serversOf(run);
  if (replica === undefined) return { skipped: "the cell has no replica" };
  await runScript(run, replica, "follow.sh");
  return { server: replica };
}

/** An earlier state may have an older schema, a lower epoch, or a flip that was called off since: the placement judges. */
async function settle(run: OperationRun) {
  const { owned, deps } = run;
  await prepareSeries(run);
  const { placement } = await placedTenant(run);
  await checkOwnership(deps.catalog.service, owned);
  const secret = await requireCellSecret(deps.secrets, placement.cell);
  if (await deps.cells.settleFence(secret, owned.tenant, placement.epoch))
    return { epoch: Number(placement.epoch) };
  const message = `The database of ${owned.tenant} is not at home there, or has moved on since.`;
  throw new MillwrightError("restore-failed", message);
}

/**
 * Takes a tenant's own database back to an earlier state. Its positions go back with its rows, so the handlers read again
 * what the log has since. Roles have the passwords of that time: all logins are made anew.
 */
export const RESTORE: readonly Step[] = [
  PREVIEW_LOGINS,
  { name: "find-servers", cancel: "heard", run: findServers },
  { name: "restore-primary", cancel: "last-chance", run: restorePrimary },
  { name: "follow-primary", cancel: "ignored", run: followPrimary },
  { name: "settle", cancel: "ignored", outageLimitMs: SETTLING_LIMIT_MS, run: settle },
  ...RENEW_LOGINS,
];
