import { cpus, loadavg } from "node:os";
import { existsSync, globSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { ServiceKind } from "./services.ts";

export interface BenchOptions {
  /** Benchmarks that know one kind only take no notice. */
  readonly services: ServiceKind;
}

/** What one benchmark answers; times are in the names of the figures. */
export interface BenchResult {
  readonly figures: Readonly<Record<string, number | boolean | Readonly<Record<string, number>>>>;
  readonly context: Readonly<Record<string, unknown>>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { services: { type: "string", default: "embedded" } },
});
const [name = ""] = positionals;
const { services } = values;
const file = new URL(`./${name}.bench.ts`, import.meta.url);
if (!/^[a-z-]+$/.test(name) || !existsSync(file) || (services !== "embedded" && services !== "real")) {
  const names = globSync("*.bench.ts", { cwd: import.meta.dirname }).map((entry) =>
    path.basename(entry, ".bench.ts"),
  );
  const known = names.sort().join(", ");
  process.stderr.write(
    `Say which benchmark: npm run bench -- NAME [--services embedded|real], one of ${known}.\n`,
  );
  process.exit(1);
}
const { run } = (await import(file.href)) as { run: (options: BenchOptions) => Promise<BenchResult> };
const { figures, context } = await run({ services });
const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model ?? "unknown" };
const load = { loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10 };
console.log(JSON.stringify({ bench: name, figures, context: { ...machine, ...load, ...context } }));
