import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pingDatabase } from "../../data/ping.ts";
import { freePort } from "../../data/postgres-cluster/cluster.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { runProgram } from "../engine/cli.ts";
import { install, missingService, type InstallOptions, type Installation } from "./installation.ts";
import { ServerProcess } from "./server-process.ts";

const POSTGRES_MAJOR = "17";
const DEBIAN = "trixie"; // the first Debian with TimescaleDB among its packages, as the Apache edition
const ENTER = fileURLToPath(new URL("timescale/enter.sh", import.meta.url));
const SUPERUSER = "postgres";

const packages = [`postgresql-${POSTGRES_MAJOR}`, `postgresql-${POSTGRES_MAJOR}-timescaledb`];

/** A small Debian with PostgreSQL and TimescaleDB in a folder of its own: 530 MB, 25 s. */
export const TIMESCALE: Installation = {
  name: `timescaledb-${DEBIAN}-${POSTGRES_MAJOR}`,
  title: `TimescaleDB on PostgreSQL ${POSTGRES_MAJOR} (Debian ${DEBIAN})`,
  programs: ["mmdebstrap", "unshare", "chroot"],
  command: (folder) => [
    "unshare", // what mmdebstrap mounts can never be left behind
    ...["--mount", "mmdebstrap", "--quiet", "--variant=apt", `--include=${packages.join()}`, DEBIAN, folder],
  ],
};

export interface TimescaleOptions extends InstallOptions {
  /** Absolute; holds one cluster. Made when missing; a cluster that is there is taken up again. */
  readonly folder: string;
  /** Lines for postgresql.conf, last one wins; what is not said is as PostgreSQL ships it (fsync on). */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A TimescaleDB server; `address` is its superuser's. */
export interface TimescaleServer {
  readonly address: DatabaseAddress;
  readonly server: ServerProcess;
}

/**
 * Makes a cluster on 127.0.0.1, not started yet; installs TimescaleDB first where it is missing. Any number of
 * clusters share the one installation, which none of them changes.
 * @throws MillwrightError `service-missing`: not root, not Linux, no mmdebstrap
 */
export async function createTimescale(options: TimescaleOptions): Promise<TimescaleServer> {
  const { folder, inherited } = options;
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw missingService("TimescaleDB of Debian runs in a chroot, which takes Linux and root");
  const root = await install(TIMESCALE, options);
  // Inside, a server's folder is /srv, whatever it is outside: each has a mount namespace of its own.
  const inside = (...command: readonly string[]) =>
    ["unshare", "--mount", "sh", ENTER, root, folder, ...command] as const;
  const bin = `/usr/lib/postgresql/${POSTGRES_MAJOR}/bin`;
  const env = { PATH: inherited["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" };
  const address = existsSync(path.join(folder, "cluster", "PG_VERSION"))
    ? await addressOf(folder)
    : await initialise(root, options, (...args) => inside(`${bin}/initdb`, ...args), env);
  const server = new ServerProcess({
    name: TIMESCALE.title,
    folder,
    command: inside(`${bin}/postgres`, "-D", "/srv/cluster"),
    env,
    stopSignal: "SIGINT", // fast shutdown: ends sessions, writes a checkpoint
    isServing: () => pingDatabase(address).then(() => true),
  });
  return { address, server };
}

async function initialise(
  root: string,
  { folder, settings = {} }: TimescaleOptions,
  initdb: (...args: readonly string[]) => readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<DatabaseAddress> {
  const { uid, gid } = await serverUser(root);
  const passwordFile = path.join(folder, "password");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
  for (const file of [folder, passwordFile]) await chown(file, uid, gid);
  const [program, ...args] = initdb(
    ...["-D", "/srv/cluster", `--username=${SUPERUSER}`, "--pwfile=/srv/password", "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
  );
  const { code, stderr } = await runProgram(program, args, { env });
  if (code !== 0) throw new MillwrightError("cluster-failed", `initdb failed: ${stderr.trim().slice(-500)}`);
  const lines = Object.entries({
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: "''",
    shared_preload_libraries: "'timescaledb,pg_stat_statements'",
    "timescaledb.telemetry_level": "'off'",
    max_connections: "200",
    log_min_messages: "warning",
    ...settings,
    port: String(await freePort()),
  }).map(([name, value]) => `${name} = ${value}`);
  await appendFile(path.join(folder, "cluster", "postgresql.conf"), `\n${lines.join("\n")}\n`);
  return addressOf(folder);
}

async function addressOf(folder: string): Promise<DatabaseAddress> {
  const configuration = await readFile(path.join(folder, "cluster", "postgresql.conf"), "utf8");
  const port = Number([...configuration.matchAll(/^port = (\d+)$/gm)].at(-1)?.[1]);
  const password = await readFile(path.join(folder, "password"), "utf8");
  return { host: "127.0.0.1", port, database: "postgres", user: SUPERUSER, password };
}

/** The account that PostgreSQL's package made inside; the numbers mean nobody in particular outside. */
async function serverUser(root: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const accounts = await readFile(path.join(root, "etc", "passwd"), "utf8");
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(accounts) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}
