import { fork } from "node:child_process";
import { once } from "node:events";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { readTestEnvironment, shellEnvironment } from "../environment.ts";
import type { PassResult } from "./support/pass.ts";

/**
 * `npm test [PART …]` runs all tests, or those whose path contains a PART: everything on the embedded services and, beside
 * it, the data plane's tests again, the same files, on Kafka and TimescaleDB. `npm run faults -- [SUITE] [--seed N]` runs the
 * fault loops in full. `npm run docs` runs what generated documents come from, and writes them. Under `CI=true` a skip
 * fails the run, unless its reason stands in test/unavailable.json.
 */

/** What runs a second time, on real services. Fault loops bring servers of their own. */
const DATA_PLANE = [
  "test/automation/moves/",
  "test/data/cell/",
  "test/data/flip",
  "test/handlers/alert/",
  "test/handlers/ingest/",
  "test/handlers/notify/process",
  "test/handlers/notify/routing",
  "test/handlers/publish/",
  "test/handlers/query/",
  "test/protocols/",
  "test/e2e/first-tenant",
  "test/e2e/bad-input",
  "test/e2e/mqtt",
];

/** What runs beside all others when all are run: a quarter of the whole time, most of it one engine or one booting machine. */
const BESIDE = ["test/stacks/", "test/components/aws/timescale/cloud-init"];

/** Where `expectDocument` is called. */
const DOCUMENTS = ["test/docs/", "test/stacks/aws-"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    faults: { type: "boolean", default: false },
    docs: { type: "boolean", default: false },
    seed: { type: "string" },
  },
});
const parts = values.docs ? DOCUMENTS : positionals;
if (values.seed !== undefined) process.env["SEED"] = values.seed;
if (values.faults) process.env["FAULTS"] = "full";
if (values.docs) process.env["DOCS"] = "write";
const timeoutMs = values.faults ? 3_600_000 : 120_000;

const { seed } = await import("./support/seed.ts");
const { describeServices, prepareServices } = await import("./support/services.ts");
const { failIfNothingEndsIt, runPass } = await import("./support/pass.ts");

const files = (await Array.fromAsync(glob(values.faults ? "test/**/*.fault.test.ts" : "test/**/*.test.ts")))
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${parts.join(", ")}.`);
  process.exit(1);
}
const again = files.filter(
  (file) => DATA_PLANE.some((part) => file.startsWith(part)) && !file.endsWith(".fault.test.ts"),
);

if (parts.length === 0) await prepareServices();
for (const line of await describeServices()) console.log(line);
const isBeside = (file: string) => parts.length === 0 && BESIDE.some((part) => file.startsWith(part));
const beside = files.filter(isBeside);
/** One after the other beside the pass in this process, whose tests wait more than they compute. */
async function passesBeside(): Promise<readonly PassResult[]> {
  const stacks = beside.length === 0 ? [] : [await runInProcess(beside, { prefix: "beside | " })];
  if (again.length === 0) return stacks;
  return [...stacks, await runInProcess(again, { prefix: "real services | ", services: "real" })];
}
const results = await Promise.all([
  passesBeside(),
  runPass(
    files.filter((file) => !isBeside(file)),
    timeoutMs,
  ),
]);
await summarise(results.flat());
failIfNothingEndsIt();

/**
 * In a process of its own: beside this one, or on other services, for what a suite stands on is decided when its process
 * starts. @param prefix - of each of its lines
 */
async function runInProcess(
  those: readonly string[],
  {
    prefix = "",
    services = "embedded",
  }: { readonly prefix?: string; readonly services?: "embedded" | "real" },
): Promise<PassResult> {
  const child = fork(path.resolve("test/support/pass-process.ts"), [String(timeoutMs), ...those], {
    env: { ...shellEnvironment(), SEED: String(seed), SERVICES: services },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let result: PassResult | undefined;
  child.on("message", (message) => (result = message as PassResult));
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on("line", (line) => console.log(prefix + line));
  const [code] = (await once(child, "exit")) as [number | null]; // what it left behind may keep its output open
  if (result !== undefined && code === 0) return result;
  console.log(`${prefix}the process of these tests ended with ${code}`);
  const { passed = 0, failed = 0, skipped = 0, skipReasons = {} } = result ?? {};
  return { passed, failed: failed + 1, skipped, skipReasons };
}

async function summarise(results: readonly PassResult[]): Promise<void> {
  const sum = (part: "passed" | "failed" | "skipped") =>
    results.reduce((total, result) => total + result[part], 0);
  const skipReasons: Readonly<Record<string, string>> = Object.assign(
    {},
    ...results.map((result) => result.skipReasons),
  );
  const allowed = JSON.parse(await readFile("test/unavailable.json", "utf8")) as Record<string, string>;
  for (const [reason, detail] of Object.entries(skipReasons)) console.log(`skipped: ${reason}: ${detail}`);
  const unexplained = Object.keys(skipReasons).filter((reason) => !(reason in allowed));
  const silentSkips = Object.keys(skipReasons).length === 0 ? sum("skipped") : 0;
  const failsForSkips = readTestEnvironment().isCi && (unexplained.length > 0 || silentSkips > 0);
  if (failsForSkips) {
    console.log(
      `CI allows no skip without a reason in test/unavailable.json: ${unexplained.join(", ") || `${silentSkips} tests gave none`}`,
    );
  }
  if (sum("failed") > 0) console.log(`seed ${seed}: replay with SEED=${seed} npm test`);
  const failures = sum("failed") + (failsForSkips ? 1 : 0);
  console.log(`\n${sum("passed")} passed, ${failures} failed, ${sum("skipped")} skipped`);
  process.exitCode = failures > 0 || sum("passed") === 0 ? 1 : 0;
}
