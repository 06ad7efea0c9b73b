import { cpus } from "node:os";
import { existsSync, globSync } from "node:fs";
import path from "node:path";

/** What one benchmark answers; times are in the names of the figures. */
export interface BenchResult {
  readonly figures: Readonly<Record<string, number | boolean | Readonly<Record<string, number>>>>;
  readonly context: Readonly<Record<string, unknown>>;
}

const [name = ""] = process.argv.slice(2);
const file = new URL(`./${name}.bench.ts`, import.meta.url);
if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
  const names = globSync("*.bench.ts", { cwd: import.meta.dirname }).map((entry) =>
    path.basename(entry, ".bench.ts"),
  );
  process.stderr.write(`Say which benchmark: npm run bench -- NAME, one of ${names.sort().join(", ")}.\n`);
  process.exit(1);
}
const { run } = (await import(file.href)) as { run: () => Promise<BenchResult> };
const { figures, context } = await run();
const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model ?? "unknown" };
console.log(JSON.stringify({ bench: name, figures, context: { ...machine, ...context } }));
