import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inheritedEnvironment, readSettings } from "../environment.ts";
import { MillwrightError } from "../model/errors.ts";
import { startPlatform, type RunningPlatform } from "./platform/platform.ts";

/** `npm start`: the whole platform on this machine. Progress on stderr; stdout gets the ready line and nothing else. */

const HEARTBEAT_MS = 10_000;
const SAME_SIGNAL_MS = 1_000; // Ctrl-C reaches us twice within 3 ms: from the terminal's group and from npm

const startedAt = performance.now();
let lastLine = "starting";
let lastLineAt = startedAt;
let isReady = false;

function progress(line: string): void {
  lastLine = line;
  lastLineAt = performance.now();
  process.stderr.write(`[${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s] ${line}\n`);
}

function fail(error: unknown): never {
  if (error instanceof MillwrightError) process.stderr.write(`${error.code}: ${error.message}\n`);
  else
    process.stderr.write(
      `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  process.exit(1);
}

async function main(): Promise<void> {
  const isDemo = readArguments();
  const settings = readSettings();
  const heartbeat = setInterval(() => {
    if (performance.now() - lastLineAt > HEARTBEAT_MS - 1_000) progress(lastLine);
  }, HEARTBEAT_MS);
  const starting = startPlatform(settings, progress);
  stopOnSignal(starting);
  const platform = await starting;
  clearInterval(heartbeat);
  isReady = true;
  progress(`admin token: ${platform.tokenPlace}`);
  process.stdout.write(`ready ${platform.url}\n`);
  if (isDemo) startDemo(platform.url, settings.home);
}

/** @throws MillwrightError `setting-invalid` for anything but `--demo` */
function readArguments(): boolean {
  try {
    return parseArgs({ options: { demo: { type: "boolean", default: false } } }).values.demo;
  } catch (cause) {
    const message = "npm start knows one option, --demo; all else is an environment variable, see README.md.";
    throw new MillwrightError("setting-invalid", message, { cause });
  }
}

/** A signal during the start waits for its end: a half-built cluster is finished or undone, never dropped. */
function stopOnSignal(starting: Promise<RunningPlatform>): void {
  let firstAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > SAME_SIGNAL_MS) process.exit(130); // somebody is out of patience
      if (firstAt !== undefined) return;
      firstAt = now;
      progress(isReady ? "stopping" : "stopping when the start has ended; another Ctrl-C ends it at once");
      starting.then((platform) => platform.stop()).then(() => process.exit(0), fail);
    });
  }
}

/** Ends with the service: the simulator watches its pipe. */
function startDemo(url: string, home: string): void {
  const entry = fileURLToPath(new URL("demo/main.ts", import.meta.url));
  const env = { ...inheritedEnvironment(), MILLWRIGHT_URL: url, MILLWRIGHT_HOME: home };
  fork(entry, [], { env, stdio: ["ignore", 2, 2, "ipc"], execArgv: [] });
}

await main().catch(fail);
