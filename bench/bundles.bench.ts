import { execFile } from "node:child_process";
import { glob, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const ROUNDS = 7;
const REPOSITORY = path.resolve(import.meta.dirname, "..");
/** Placeholders only: importing a handler reads its settings, and connects to nothing. */
const LAMBDA_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: "bench",
  AWS_REGION: "eu-central-1",
  AWS_SECRET_ACCESS_KEY: "bench",
  CATALOG_SECRET: "catalog",
  CELL: "bench",
  CELL_SECRET: "cell",
  CHANNEL_KEY_SECRET: "channel-key",
  KAFKA_BROKERS: "127.0.0.1:1",
};
const MEASURE = `
  const start = performance.now();
  await import(process.argv[1]);
  console.log(performance.now() - start);
  process.exit(0);
`;

/** Size of each Lambda bundle, and the time of its import in a fresh process with nothing cached but the file itself. */
export async function run(): Promise<BenchResult> {
  await promisify(execFile)(process.execPath, ["build.ts"], { cwd: REPOSITORY });
  const figures: Record<string, { readonly bundleKb: number; readonly coldImportMs: number }> = {};
  for (const file of (await Array.fromAsync(glob("dist/handlers/*/index.mjs", { cwd: REPOSITORY }))).sort()) {
    const bundle = path.join(REPOSITORY, file);
    const importsMs: number[] = [];
    for (let count = 0; count < ROUNDS; count++) importsMs.push(await coldImportMs(bundle));
    const parts = await Array.fromAsync(glob("*.mjs", { cwd: path.dirname(bundle) }));
    const sizes = parts.map(async (part) => (await stat(path.join(path.dirname(bundle), part))).size);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    figures[path.basename(path.dirname(file))] = {
      bundleKb: round(bytes / 1024, 0),
      coldImportMs: round(quantile(importsMs, 0.5)),
    };
  }
  return { figures, context: { rounds: ROUNDS } };
}

async function coldImportMs(bundle: string): Promise<number> {
  const args = ["--input-type=module", "--eval", MEASURE, bundle];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: LAMBDA_ENVIRONMENT });
  return Number(stdout);
}
