import { flushCompileCache } from "node:module";
import { PolicyPack } from "@pulumi/policy";
import { resourcePolicy } from "./gate.ts";
import { dedicatedTenantLimit } from "./rules/dedicated-tenant-limit.ts";
import { noPublicExposure } from "./rules/no-public-exposure.ts";
import { requiredTags } from "./rules/required-tags.ts";

// Making a PolicyPack starts its server: the rules lie in modules of their own, so that tests need none.
new PolicyPack("millwright", {
  policies: [dedicatedTenantLimit, requiredTags, noPublicExposure].map(resourcePolicy),
});

// Ends with the engine, also when that was killed.
process.stdin.once("end", () => process.exit(0)).resume();

// The engine ends its plugins by SIGKILL, which is too late to write Node's compile cache (NODE_COMPILE_CACHE).
flushCompileCache();
