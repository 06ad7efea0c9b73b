import { glob } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";

export interface HandlerBundle {
  readonly name: string;
  /** Of all its modules, without source maps. */
  readonly bytes: number;
}

/** Bundles each `handlers/NAME/handler.ts` for Lambda as `OUTDIR/NAME/index.mjs`. */
export async function buildHandlers(outdir: string): Promise<readonly HandlerBundle[]> {
  const bundles: HandlerBundle[] = [];
  for (const entry of (await Array.fromAsync(glob("*/handler.ts", { cwd: import.meta.dirname }))).sort()) {
    const name = path.dirname(entry);
    const { metafile } = await build({
      entryPoints: [path.join(import.meta.dirname, entry)],
      outdir: path.join(outdir, name),
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
      .filter(([file]) => file.endsWith(".mjs"))
      .reduce((sum, [, output]) => sum + output.bytes, 0);
    bundles.push({ name, bytes });
  }
  return bundles;
}
