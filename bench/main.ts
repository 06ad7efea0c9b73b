import { cpus } from "node:os";
import { existsSync } from "node:fs";
import { MillwrightError } from "../model/errors.ts";

/** What one benchmark answers; times are in the names of the figures. */
export interface BenchResult {
  readonly figures: Readonly<Record<string, number | Readonly<Record<string, number>>>>;
  readonly context: Readonly<Record<string, unknown>>;
}

const [name = ""] = process.argv.slice(2);
const file = new URL(`./${name}.bench.ts`, import.meta.url);
if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
  throw new MillwrightError(
    "request-invalid",
    `There is no benchmark '${name}': see bench/*.bench.ts for the names.`,
  );
}
const { run } = (await import(file.href)) as { run: () => Promise<BenchResult> };
const { figures, context } = await run();
const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model ?? "unknown" };
console.log(JSON.stringify({ bench: name, figures, context: { ...machine, ...context } }));
