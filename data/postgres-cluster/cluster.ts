import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  appendFile,
  link,
  mkdir,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { MillwrightError } from "../../model/errors.ts";
import { pingDatabase } from "../ping.ts";
import { sqlState } from "../pool.ts";
import { postgresBinaries } from "./binaries.ts";

const run = promisify(execFile);
const START_TIMEOUT_S = 60; // crash recovery after kill -9 replays at most one checkpoint distance: seconds, not minutes
const POLL_MS = 50;
const STDERR_LIMIT = 64 * 1024; // characters, the newest
const SUPERUSER = "millwright";
const TOO_MANY_CONNECTIONS = "53300";

/** How to reach a cluster that runs on this machine. */
export interface ClusterAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface ClusterOptions {
  /** Fixed port; a free one is chosen when left out. It is kept in the cluster's configuration from then on. */
  readonly port?: number;
  readonly password?: string;
  /** Lines for postgresql.conf, last one wins. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Makes a PostgreSQL cluster in `folder` unless one is there; does not start it. Built beside and renamed into
 * place, so a kill in the middle leaves no half-made cluster behind.
 * @throws MillwrightError `cluster-failed` or `disk-full`
 */
export async function createCluster(folder: string, options: ClusterOptions = {}): Promise<ClusterAddress> {
  if (existsSync(path.join(folder, "PG_VERSION"))) return clusterAddress(folder);
  // Named by process: an initdb whose parent was killed may still be writing into the folder of that parent.
  const building = `${folder}.building-${process.pid}`;
  await mkdir(path.dirname(folder), { recursive: true });
  await removeAbandoned(folder);
  await mkdir(building, { mode: 0o700 });
  const password = options.password ?? randomBytes(24).toString("base64url");
  const passwordFile = `${building}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  try {
    const { initdb } = postgresBinaries();
    // C collation: byte order is the same on every machine, so an index copied elsewhere stays right.
    const locale = ["--encoding=UTF8", "--locale=C"];
    const auth = ["--auth=scram-sha-256", `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`];
    await runAsServer(initdb, ["--pgdata", building, ...locale, ...auth, "--no-sync", "--no-instructions"]);
    const port = options.port ?? (await freePort());
    const settings = {
      listen_addresses: "'127.0.0.1'",
      unix_socket_directories: "''",
      max_connections: "200",
      // Readings are re-readable from the log, but a position acknowledged must not be forgotten: fsync stays on.
      shared_buffers: "'128MB'",
      max_wal_size: "'1GB'",
      log_min_messages: "warning",
      ...options.settings,
      port: String(port),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    await appendFile(path.join(building, "postgresql.conf"), `\n${lines.join("\n")}\n`);
    await rename(passwordFile, path.join(building, "millwright.password"));
    await rename(building, folder).catch((error: unknown) => {
      if (!existsSync(path.join(folder, "PG_VERSION"))) throw error;
    });
    if (existsSync(building)) return await clusterAddress(folder); // another process was faster: its cluster stands
    return { host: "127.0.0.1", port, user: SUPERUSER, password };
  } catch (error) {
    throw asClusterError(error, `Making the PostgreSQL cluster ${path.basename(folder)} failed`);
  } finally {
    await rm(building, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
  }
}

/** Deletes what killed processes left half-built beside `folder`. */
async function removeAbandoned(folder: string): Promise<void> {
  const prefix = `${path.basename(folder)}.building-`;
  for (const name of await readdir(path.dirname(folder))) {
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (!name.startsWith(prefix) || (pid !== process.pid && isRunning(pid))) continue;
    await rm(path.join(path.dirname(folder), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The address of the cluster in `folder`, from its own files. */
export async function clusterAddress(folder: string): Promise<ClusterAddress> {
  const configuration = await readFile(path.join(folder, "postgresql.conf"), "utf8");
  const port = [...configuration.matchAll(/^port = (\d+)$/gm)].at(-1)?.[1];
  if (port === undefined)
    throw new MillwrightError("cluster-failed", `${path.basename(folder)}: no port in postgresql.conf`);
  const password = (await readFile(path.join(folder, "millwright.password"), "utf8")).trim();
  return { host: "127.0.0.1", port: Number(port), user: SUPERUSER, password };
}

/**
 * Starts the cluster in a session of its own (a Ctrl-C of the terminal must not reach it) and waits until it answers;
 * adopts a server that runs, also one that is still starting, and waits for the end of one that is stopping.
 * @throws MillwrightError `cluster-failed` or `disk-full`
 */
export async function startCluster(folder: string): Promise<ClusterAddress> {
  const address = await clusterAddress(folder);
  const deadline = performance.now() + START_TIMEOUT_S * 1_000;
  let failure: unknown;
  do {
    const server = await serverOf(folder);
    // The file outlives its server: after a kill -9 for as long as the kernel takes to end the process.
    if (server?.status === "ready" && (await answers(address))) return address;
    if (server === undefined) {
      // Backends of a killed server hold its memory until they notice; any other failure is one for people.
      if (failure !== undefined && !/is still in use/.test(await lastLogLines(folder))) break;
      failure = await startServer(folder);
    }
    await delay(POLL_MS);
  } while (performance.now() < deadline);
  const name = path.basename(folder);
  const tail = await lastLogLines(folder);
  throw asClusterError(failure, `PostgreSQL cluster ${name} did not start on port ${address.port}: ${tail}`);
}

/** Also with a refusal, when all of its connections are taken. */
async function answers(address: ClusterAddress): Promise<boolean> {
  return pingDatabase({ ...address, database: "postgres" }).then(
    () => true,
    (error: unknown) => sqlState(error) === TOO_MANY_CONNECTIONS,
  );
}

/** @returns why it failed, undefined when the server answers */
async function startServer(folder: string): Promise<unknown> {
  await removeForeignPidFile(folder);
  const timeout = ["--timeout", String(START_TIMEOUT_S)];
  const log = ["--log", path.join(folder, "server.log")];
  return runAsServer(postgresBinaries().pgCtl, [
    "start",
    "--pgdata",
    folder,
    "--wait",
    "--silent",
    ...timeout,
    ...log,
  ]).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/**
 * PostgreSQL takes whatever process has the pid in its file for its server, and would never start again. (Its check of
 * the shared memory, which knows the folder, still keeps it from starting beside backends of a dead server.)
 */
async function removeForeignPidFile(folder: string): Promise<void> {
  const file = path.join(folder, "postmaster.pid");
  const found = await readFile(file, "utf8").catch(() => "");
  const pid = Number.parseInt(found, 10);
  if (!(pid > 0) || !isRunning(pid) || (await worksIn(pid, folder))) return;
  // Moved, then looked at again: another start may have been faster, and the file is its server's by now.
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  if ((await readFile(aside, "utf8").catch(() => found)) !== found) await link(aside, file);
  await rm(aside, { force: true });
}

async function lastLogLines(folder: string): Promise<string> {
  const text = await readFile(path.join(folder, "server.log"), "utf8").catch(() => "");
  return text.trim().split("\n").slice(-3).join(" | ");
}

export async function stopCluster(folder: string, mode: "fast" | "immediate" = "fast"): Promise<void> {
  if (!(await isClusterRunning(folder))) return;
  await runAsServer(postgresBinaries().pgCtl, [
    "stop",
    "--pgdata",
    folder,
    "--mode",
    mode,
    "--wait",
    "--silent",
  ]);
}

/**
 * Stops the cluster and deletes its folder. Renamed first: whoever keeps clusters up must not start this one again,
 * and a kill in the middle leaves a folder that nobody takes for a cluster; the next call deletes it.
 */
export async function removeCluster(folder: string): Promise<void> {
  const removing = `${folder}.removing`;
  for (const step of ["left by a kill", "now"] as const) {
    if (step === "now" && existsSync(folder)) await rename(folder, removing);
    if (!existsSync(removing)) continue;
    await stopCluster(removing, "immediate");
    await rm(removing, { recursive: true, force: true });
  }
}

/** Cheap enough for every second: reads two files, where `pg_ctl status` would be a process. */
export async function isClusterRunning(folder: string): Promise<boolean> {
  return (await serverOf(folder)) !== undefined;
}

/**
 * The server of the cluster by its pid file; its status is `starting`, `ready` or `stopping`. The file outlives kill -9
 * and a power cut, and its pid may then be another process's, or a zombie's that nobody reaps: only a process that
 * works in the folder counts.
 */
async function serverOf(folder: string): Promise<{ readonly status: string } | undefined> {
  const lines = (await readFile(path.join(folder, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  const pid = Number(lines[0]);
  if (!(pid > 0) || !(await worksIn(pid, folder))) return undefined;
  return { status: lines[7]?.trim() ?? "starting" };
}

async function worksIn(pid: number, folder: string): Promise<boolean> {
  if (process.platform === "linux") {
    const [current, wanted] = await Promise.all(
      [`/proc/${pid}/cwd`, folder].map((name) => realpath(name).catch(() => undefined)),
    );
    return current !== undefined && current === wanted;
  }
  const command = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => undefined);
  return command?.stdout.includes("postgres") ?? false; // its folder may have been renamed since it started
}

/** A TCP port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** PostgreSQL refuses to run as root; a user namespace gives it another uid while root stays the owner of the files. */
async function runAsServer(program: string, args: readonly string[]): Promise<void> {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" };
  const isRoot = process.getuid?.() === 0;
  const [file, argv] = isRoot
    ? ["unshare", ["--user", "--map-user=1000", "--map-group=1000", program, ...args]]
    : [program, args];
  // In a session of its own: Ctrl-C reaches the whole group of a terminal, and must not end initdb half-way.
  const child = spawn(file, argv, { env, detached: true, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (stderr = (stderr + text).slice(-STDERR_LIMIT)));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  // Between its birth and its session a child is of our group still. It has not begun then, so it is begun again.
  if (signal === "SIGINT") return runAsServer(program, args);
  if (code !== 0)
    throw Object.assign(new Error(`${path.basename(program)} ended with ${String(code)}`), { stderr });
}

function asClusterError(error: unknown, message: string): MillwrightError {
  const detail =
    error instanceof Error && "stderr" in error ? (String(error.stderr).trim().split("\n").at(-1) ?? "") : "";
  const isFull = /no space left/i.test(`${message} ${String(error)} ${detail}`);
  return new MillwrightError(
    isFull ? "disk-full" : "cluster-failed",
    `${message}${detail === "" ? "" : `: ${detail}`}`,
    { cause: error },
  );
}
