import { localTarget } from "../components/local/local-target.ts";
import { buildTenant } from "./build-tenant.ts";
import { readHome } from "./config/platform-config.ts";
import { readTenantConfig } from "./config/tenant-config.ts";

/** One tenant on this machine. */
export function tenantStack() {
  const config = readTenantConfig();
  return buildTenant(config, localTarget(readHome(), config.tenant.rotation)).outputs;
}
