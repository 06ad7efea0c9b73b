import { countDedicatedTenants } from "../../data/catalog/tenant.ts";
import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import type { Queryable } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import type { PolicyViolation } from "../engine/engine.ts";

/** What the gate knows before the engine has seen anything. */
export interface GateFacts {
  readonly tier: Tier;
  /** Dedicated tenants without the one in question. */
  readonly otherDedicatedTenants: number;
  readonly maxDedicatedTenants: number;
}

export async function readGateFacts(
  service: Queryable,
  { id, tier }: { readonly id: TenantId; readonly tier: Tier },
): Promise<GateFacts> {
  const { maxDedicatedTenants } = (await currentTriggers(service)).triggers;
  return { tier, otherDedicatedTenants: await countDedicatedTenants(service, id), maxDedicatedTenants };
}

/** The policies that need no program; the engine's preview checks the others. */
export function gateViolations(facts: GateFacts): PolicyViolation[] {
  const { tier, otherDedicatedTenants, maxDedicatedTenants } = facts;
  if (tier !== "dedicated" || otherDedicatedTenants < maxDedicatedTenants) return [];
  const message = `At most ${maxDedicatedTenants} dedicated tenants are allowed; ${otherDedicatedTenants} exist.`;
  return [{ policy: "max-dedicated-tenants", resource: "tenant", message }];
}

/** Of the request, by policy; any other is about the tier. */
const POINTERS: Readonly<Record<string, string>> = {
  "tenant-budget": "/budgetUsdPerMonth",
  "environment-budget": "/machines",
};

/** @throws MillwrightError `policy-refused` with every violation */
export function refuseViolations(violations: readonly PolicyViolation[]): void {
  if (violations.length === 0) return;
  const fields = violations.map(({ policy, message }) => ({
    pointer: POINTERS[policy] ?? "/tier",
    message,
  }));
  throw new MillwrightError("policy-refused", violations.map(({ message }) => message).join(" "), { fields });
}
