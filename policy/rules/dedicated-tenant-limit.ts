import type { Rule } from "./rule.ts";

/**
 * Each dedicated tenant is a database that runs all month. The count comes with the stack's config, since a stack of
 * one tenant cannot see the others; nobody counted means no.
 */
export const dedicatedTenantLimit: Rule = {
  name: "dedicated-tenant-limit",
  description: "An environment has no more dedicated tenants than its limit allows.",
  violations({ type, props }) {
    if (type !== "millwright:tiers:DedicatedTier") return [];
    const { dedicatedTenantCount: count, maxDedicatedTenants: limit } = props;
    if (!isCount(count))
      return ["It is not known how many dedicated tenants there are (dedicatedTenantCount)."];
    if (!isCount(limit))
      return ["It is not known how many dedicated tenants are allowed (maxDedicatedTenants)."];
    return count <= limit ? [] : [`This would be ${count} dedicated tenants; the limit is ${limit}.`];
  },
};

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
