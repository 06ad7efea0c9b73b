import * as z from "zod";
import { policyException, type PolicyException } from "./exception.ts";

/** An exception for the stacks of tenants, which the service brings up: it stands in the platform's config. */
export const tenantException = policyException.extend({
  /** Their ids; `*` stands for any characters. */
  tenants: z.string().regex(/^[a-z0-9*-]{1,64}$/, "a tenant's id, where * stands for any characters"),
});
export type TenantException = z.infer<typeof tenantException>;

/** Those that are for this tenant, as its own stack is told them. A `*` in the name of a resource is the tenant's id. */
export function exceptionsFor(tenant: string, exceptions: readonly TenantException[]): PolicyException[] {
  return exceptions
    .filter(({ tenants }) => new RegExp(`^${tenants.replaceAll("*", ".*")}$`).test(tenant))
    .map(({ policy, resource, owner, reason, until }) => ({
      ...{ policy, owner, reason, until },
      resource: resource.replaceAll("*", tenant),
    }));
}
