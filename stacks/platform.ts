import { localTarget } from "../components/local/local-target.ts";
import { SharedTier } from "../components/tiers/shared-tier.ts";
import { readPlatformConfig } from "./config/platform-config.ts";

/** What all tenants of one environment share. */
export function platformStack() {
  const { home, cells, isProtected } = readPlatformConfig();
  const tier = new SharedTier("shared", { target: localTarget(home), cells, isProtected });
  return { cells: tier.cells, sslmodes: tier.sslmodes };
}
