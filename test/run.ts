import { glob, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import Mocha from "mocha";
import { readTestEnvironment } from "../environment.ts";

/**
 * `npm test [PART …]` runs all tests, or those whose path contains a PART. `npm run faults -- [SUITE] [--seed N]` runs
 * the fault loops in full. Under `CI=true` a skip fails the run, unless its reason stands in test/unavailable.json.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { faults: { type: "boolean", default: false }, seed: { type: "string" } },
});
if (values.seed !== undefined) process.env["SEED"] = values.seed;
if (values.faults) process.env["FAULTS"] = "full";

const { seed } = await import("./support/seed.ts");
const { skipReasons } = await import("./support/skip.ts");
const { describeServices } = await import("./support/services.ts");
const { mochaHooks } = await import("./support/postgres.ts");

const files = (await Array.fromAsync(glob(values.faults ? "test/**/*.fault.test.ts" : "test/**/*.test.ts")))
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${positionals.join(", ")}.`);
  process.exit(1);
}

for (const line of await describeServices()) console.log(line);
const mocha = new Mocha({
  timeout: values.faults ? 3_600_000 : 120_000,
  slow: 10_000,
  reporter: "spec",
  color: process.stdout.isTTY,
});
for (const file of files) mocha.addFile(file);
mocha.rootHooks(mochaHooks);
await mocha.loadFilesAsync();
const stats = await new Promise<Mocha.Stats>((resolve) => {
  const runner = mocha.run(() => resolve(runner.stats!));
});

const allowed = JSON.parse(await readFile("test/unavailable.json", "utf8")) as Record<string, string>;
for (const [reason, detail] of skipReasons) console.log(`skipped: ${reason}: ${detail}`);
const unexplained = [...skipReasons.keys()].filter((reason) => !(reason in allowed));
const silentSkips = skipReasons.size === 0 ? stats.pending : 0;
const failsForSkips = readTestEnvironment().isCi && (unexplained.length > 0 || silentSkips > 0);
if (failsForSkips) {
  console.log(
    `CI allows no skip without a reason in test/unavailable.json: ${unexplained.join(", ") || `${silentSkips} tests gave none`}`,
  );
}
if (stats.failures > 0) console.log(`seed ${seed}: replay with SEED=${seed} npm test`);
const failures = stats.failures + (failsForSkips ? 1 : 0);
console.log(`\n${stats.passes} passed, ${failures} failed, ${stats.pending} skipped`);
process.exitCode = failures > 0 || stats.passes === 0 ? 1 : 0;
// A handle that a test left open must fail here and not hang the pipeline: nothing else is to be done now.
setTimeout(() => {
  console.error("still open after the tests: ", process.getActiveResourcesInfo().join(", "));
  process.exit(1);
}, 10_000).unref();
