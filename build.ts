import { rm, writeFile } from "node:fs/promises";
import { apiDocument } from "./automation/http/document.ts";
import { buildHandlers } from "./handlers/bundle.ts";
import { buildPolicyPack } from "./policy/bundle.ts";

/** `npm run build`: Lambda bundles of the handlers, the policy pack and the API's document, into dist/. */
await rm("dist/handlers", { recursive: true, force: true }); // not dist/policy: an engine may be reading it
for (const { name, bytes } of await buildHandlers("dist/handlers"))
  console.error(`dist/handlers/${name} ${Math.round(bytes / 1024)} KB`);
await buildPolicyPack("dist/policy");
console.error("dist/policy");
await writeFile("dist/openapi.json", JSON.stringify(apiDocument()));
console.error("dist/openapi.json");
