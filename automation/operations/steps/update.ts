import { inOwnership } from "../../../data/catalog/ownership.ts";
import { changeTenant, type TenantChange } from "../../../data/catalog/tenant.ts";
import { prepareSeries } from "./series.ts";
import type { OperationRun, Step } from "./step.ts";

/** The request's own fields, kept as the operation's input. */
function changeOf({ owned }: OperationRun): TenantChange {
  return owned.input;
}

async function record(run: OperationRun) {
  const change = changeOf(run);
  await inOwnership(run.deps.catalog.service, run.owned, (tx) => changeTenant(tx, run.owned.tenant, change));
  return { changed: Object.keys(change) };
}

/** More machines bring more rows: the tables are fitted to the new rate. */
async function adaptData(run: OperationRun) {
  return changeOf(run).machines === undefined ? undefined : prepareSeries(run);
}

/**
 * Name, machines, budget and contacts. None of them is in the stack's config, so the engine has nothing to do: a preview
 * right after shows no change.
 */
export const UPDATE: readonly Step[] = [
  { name: "record", cancel: "last-chance", run: record },
  { name: "adapt-data", cancel: "ignored", run: adaptData },
];
