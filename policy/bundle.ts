import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { build, type Plugin } from "esbuild";

const leanSdk: Plugin = {
  name: "lean-sdk",
  setup(bundler) {
    bundler.onResolve({ filter: /^@pulumi\/pulumi$/ }, () => ({
      path: path.join(import.meta.dirname, "sdk.ts"),
    }));
  },
};

/**
 * Bundles the policy pack into `outDir`. CommonJS, because the runner loads it by `require`; the SDK stays outside
 * (16.8 MB otherwise), so `outDir` must lie below a folder with it in its node_modules. Files appear whole or not at
 * all: an engine may be reading the previous ones.
 */
export async function buildPolicyPack(outDir: string): Promise<void> {
  const building = `${outDir}.${process.pid}.building`;
  await mkdir(building, { recursive: true });
  await mkdir(outDir, { recursive: true });
  try {
    await build({
      entryPoints: [path.join(import.meta.dirname, "index.ts")],
      outfile: path.join(building, "index.cjs"),
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      external: ["@pulumi/pulumi/*", "@grpc/grpc-js"],
      plugins: [leanSdk],
      logLevel: "silent", // a failure is thrown with its messages
    });
    const described = ["package.json", "PulumiPolicy.yaml"];
    for (const name of described)
      await copyFile(path.join(import.meta.dirname, name), path.join(building, name));
    for (const name of ["index.cjs", ...described]) {
      await rename(path.join(building, name), path.join(outDir, name));
    }
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
