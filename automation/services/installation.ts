import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";
import { runProgram } from "../engine/cli.ts";
import { exclusively } from "../processes/lock-file.ts";

const INSTALL_LIMIT_MS = 20 * 60_000;
const SAY_EVERY_MS = 5_000;

/** One line for a person; comes at least every 10 s while something is installed. */
export type Progress = (line: string) => void;

export interface InstallOptions {
  /** `inheritedEnvironment()`: PATH, proxies, cache folder. */
  readonly inherited: Readonly<Record<string, string>>;
  readonly progress: Progress;
}

/** Something that is installed once for all work trees of this machine. */
export interface Installation {
  /** With its version: `kafka-4.1.1`; another version is another folder. */
  readonly name: string;
  readonly title: string;
  /** Programs it takes to install and run it. */
  readonly programs: readonly string[];
  /** The command that fills `folder`, which is there and empty. */
  readonly command: (folder: string) => readonly [file: string, ...args: string[]];
}

/**
 * Installs unless it is there. Made beside and renamed, by one process at a time: a kill leaves nothing half made.
 * @returns the folder
 * @throws MillwrightError `service-missing` that says what is missing
 */
export async function install(wanted: Installation, options: InstallOptions): Promise<string> {
  const { inherited, progress } = options;
  const missing = wanted.programs.filter((program) => !isOnPath(program, inherited));
  if (missing.length > 0) throw missingService(`${wanted.title} needs ${missing.join(", ")} on PATH`);
  const folder = installationFolder(wanted, inherited);
  if (existsSync(folder)) return folder;
  const say = sayEvery(progress);
  return exclusively(
    `${folder}.lock`,
    () => installNow(wanted, folder, options),
    (owner) => say(`waiting for process ${owner}, which installs ${wanted.title}`),
  );
}

async function installNow(wanted: Installation, folder: string, { inherited, progress }: InstallOptions) {
  if (existsSync(folder)) return folder; // who held the lock before us made it
  const prefix = `${path.basename(folder)}.installing-`;
  for (const name of await readdir(path.dirname(folder)))
    if (name.startsWith(prefix))
      await rm(path.join(path.dirname(folder), name), { recursive: true, force: true });
  const installing = `${folder}.installing-${process.pid}`;
  await mkdir(installing);
  const startedAt = performance.now();
  const say = () =>
    progress(`installing ${wanted.title}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  say();
  const timer = setInterval(say, SAY_EVERY_MS);
  try {
    const [file, ...args] = wanted.command(installing);
    const call = { env: { ...inherited, LC_ALL: "C" }, limitMs: INSTALL_LIMIT_MS };
    const { code, stdout, stderr } = await runProgram(file, args, call);
    if (code !== 0) {
      const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join(" | ");
      throw missingService(`installing ${wanted.title} failed (${path.basename(file)}): ${tail}`);
    }
    await rename(installing, folder);
    return folder;
  } finally {
    clearInterval(timer);
    await rm(installing, { recursive: true, force: true });
  }
}

export function missingService(what: string): MillwrightError {
  return new MillwrightError(
    "service-missing",
    `${what}. On Debian as root, \`npm run services\` installs what is missing; elsewhere use compose.yaml, ` +
      "or set KAFKA_BROKERS and TIMESCALE_URL to servers of your own.",
  );
}

function installationFolder({ name }: Installation, inherited: InstallOptions["inherited"]): string {
  const cache = inherited["XDG_CACHE_HOME"] ?? path.join(inherited["HOME"] ?? homedir(), ".cache");
  return path.join(cache, "millwright", "services", name);
}

export function isOnPath(program: string, inherited: InstallOptions["inherited"]): boolean {
  const folders = (inherited["PATH"] ?? "").split(path.delimiter);
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

function sayEvery(progress: Progress): Progress {
  let saidAt = -Infinity;
  return (line) => {
    if (performance.now() - saidAt < SAY_EVERY_MS) return;
    saidAt = performance.now();
    progress(line);
  };
}
