import { build } from "esbuild";
import { glob, rm } from "node:fs/promises";
import path from "node:path";
import { buildPolicyPack } from "./policy/bundle.ts";

/** `npm run build`: Lambda bundles of the handlers and the policy pack, into dist/. */
await rm("dist/handlers", { recursive: true, force: true }); // not dist/policy: an engine may be reading it
for (const entry of await Array.fromAsync(glob("handlers/*/handler.ts"))) {
  const handler = path.basename(path.dirname(entry));
  const { metafile } = await build({
    entryPoints: [entry],
    outdir: `dist/handlers/${handler}`,
    entryNames: "index",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true, // what is imported late (the mail library) is not read by a cold start
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    sourcemap: "linked",
    metafile: true,
    external: ["pg-native", "@aws-sdk/*"], // the Lambda runtime brings the AWS SDK
    // CommonJS dependencies (pg) call require() for Node's own modules
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  const bytes = Object.entries(metafile.outputs)
    .filter(([name]) => name.endsWith(".mjs"))
    .reduce((sum, [, output]) => sum + output.bytes, 0);
  console.error(`dist/handlers/${handler} ${Math.round(bytes / 1024)} KB`);
}
await buildPolicyPack("dist/policy");
console.error("dist/policy");
