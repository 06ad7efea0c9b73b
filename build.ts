import { rm } from "node:fs/promises";
import { buildHandlers } from "./handlers/bundle.ts";
import { buildPolicyPack } from "./policy/bundle.ts";

/** `npm run build`: Lambda bundles of the handlers and the policy pack, into dist/. */
await rm("dist/handlers", { recursive: true, force: true }); // not dist/policy: an engine may be reading it
for (const { name, bytes } of await buildHandlers("dist/handlers"))
  console.error(`dist/handlers/${name} ${Math.round(bytes / 1024)} KB`);
await buildPolicyPack("dist/policy");
console.error("dist/policy");
