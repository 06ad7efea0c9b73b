import { inOwnership, setResult } from "../../../data/catalog/ownership.ts";
import { setRotation } from "../../../data/catalog/placement.ts";
import { cellAddress, cellLogin, requireCellSecret } from "../../../data/cell/cell-secret.ts";
import { homesOf, placedTenant, storeLogins, tenantSession } from "./stack.ts";
import type { OperationRun, Step } from "./step.ts";

/** Decided with the request, so that a step that runs again counts no further. */
function rotationOf({ owned }: OperationRun): number {
  return (owned.input as { readonly rotation: number }).rotation;
}

/** The engine on the stack as it is, but for its passwords. */
async function sessionOf(run: OperationRun) {
  const { tenant, placement } = await placedTenant(run);
  const homes = await homesOf(run, placement);
  const all = homes.map((home) => ({ ...home, isProtected: true }));
  return tenantSession(run, { tenant, placement: { ...placement, rotation: rotationOf(run) } }, all);
}

/** What the policies refuse is refused before anything is changed. */
async function preview(run: OperationRun) {
  return { changes: await (await sessionOf(run)).preview() };
}

/** From here on every run of the engine on this stack, whoever starts it, asks for the new passwords. */
async function advanceRotation(run: OperationRun) {
  const { owned, deps } = run;
  await inOwnership(deps.catalog.service, owned, (tx) => setRotation(tx, owned.tenant, rotationOf(run)));
  return { rotation: rotationOf(run) };
}

/** The databases take the new passwords; sessions that are open stay. */
async function up(run: OperationRun) {
  return { changes: await (await sessionOf(run)).up() };
}

/** Whoever opens a connection from now on logs in with the new ones. */
async function storeSecrets(run: OperationRun) {
  await storeLogins(run, await sessionOf(run));
  return undefined;
}

/** A password that is stored and does not log in would be found by the first reconnect, perhaps days later. */
async function checkLogins(run: OperationRun) {
  const { owned, deps } = run;
  const { placement } = await placedTenant(run);
  const reader = cellLogin.parse(await deps.secrets.get(`reader-${owned.tenant}`));
  const logins: { readonly cell: string; readonly user: string }[] = [];
  for (const { cell, tier } of await homesOf(run, placement)) {
    const secret = await requireCellSecret(deps.secrets, cell);
    const changed = tier === "dedicated" ? [secret.ingest, secret.query, reader] : [reader];
    for (const login of changed) {
      await deps.cells.checkLogin({ ...cellAddress(secret, "query"), ...login });
      logins.push({ cell, user: login.user });
    }
  }
  const result = { ...owned.input, logins };
  await inOwnership(deps.catalog.service, owned, (tx) => setResult(tx, owned.operation, result));
  return { logins };
}

/** First of what has no way back: what the policies refuse must not stop it half way. */
export const PREVIEW_LOGINS: Step = { name: "preview", cancel: "heard", run: preview };
const advance: Step = { name: "advance-rotation", cancel: "ignored", run: advanceRotation };
const putInForce: readonly Step[] = [
  { name: "up", cancel: "ignored", run: up },
  { name: "store-secrets", cancel: "ignored", run: storeSecrets },
  { name: "check-logins", cancel: "ignored", run: checkLogins },
];

/** The end of an operation that has no way back. */
export const RENEW_LOGINS: readonly Step[] = [advance, ...putInForce];

/**
 * New passwords for every login that the tenant's stack makes: its reader, and with a cell of its own those that write
 * and query there (on AWS also the server's own). First the databases take them, then the secrets are stored; what meets
 * a refused login in between asks the secret again (handlers/query/tenant-cells.ts, handlers/opened-by-secrets.ts).
 */
export const ROTATE: readonly Step[] = [PREVIEW_LOGINS, { ...advance, cancel: "last-chance" }, ...putInForce];
