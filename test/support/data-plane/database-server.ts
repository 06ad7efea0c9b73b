import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import {
  createCluster,
  removeCluster,
  startCluster,
  stopCluster,
  type ClusterAddress,
} from "../../../data/postgres-cluster/cluster.ts";
import { startTimescale } from "../real-services.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** Whether this machine lets a test have a small disk of its own. */
export const canMountDisk = process.getuid?.() === 0 && process.platform === "linux";

/** Small, so that recovery after a kill is short and a full disk is full soon; durability as in production. */
const SETTINGS = { shared_buffers: "'64MB'", max_wal_size: "'64MB'", min_wal_size: "'32MB'" };
const DISK_MB = 600;

export type DatabaseKind = "PostgreSQL" | "TimescaleDB";

/** The verbs of one kind of server. */
interface Server {
  readonly address: ClusterAddress;
  /** kill -9 */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Also when it runs, starts or stops just now. */
  readonly up: () => Promise<unknown>;
  readonly remove: () => Promise<void>;
}

/** A database server for one test to maltreat: behind a proxy, and where possible on a small disk of its own. */
export class DatabaseServer {
  /** Past the proxy: for the checker and for set-up. */
  readonly address: ClusterAddress;
  readonly proxy: TcpProxy;
  readonly kill: Server["kill"];
  readonly stop: Server["stop"];
  readonly up: Server["up"];
  readonly #remove: Server["remove"];
  readonly #disk: string | undefined;

  private constructor(server: Server, disk: string | undefined, proxy: TcpProxy) {
    this.address = server.address;
    this.kill = server.kill;
    this.stop = server.stop;
    this.up = server.up;
    this.#remove = server.remove;
    this.#disk = disk;
    this.proxy = proxy;
  }

  /** @param parent - folder of its own, made here */
  static async start(kind: DatabaseKind, parent: string, onSmallDisk: boolean): Promise<DatabaseServer> {
    const disk = onSmallDisk && canMountDisk ? parent : undefined;
    await mkdir(parent, { recursive: true });
    if (disk !== undefined)
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m,mode=0755`, "tmpfs", disk]);
    const folder = path.join(parent, "cluster");
    const server = kind === "PostgreSQL" ? await postgres(folder) : await timescale(folder);
    return new DatabaseServer(server, disk, await TcpProxy.to(server.address.port));
  }

  /** Takes all that is left of its disk. */
  async fillDisk(): Promise<void> {
    if (this.#disk === undefined) throw new Error("this server has no disk of its own");
    const { bavail, bsize } = await statfs(this.#disk);
    // fails at the last blocks when the server was faster, which fills the disk just as well
    const ballast = promisify(execFile)("fallocate", ["-l", String(bavail * bsize), this.#ballast]);
    await ballast.catch(() => undefined);
  }

  async freeDisk(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  get #ballast(): string {
    return path.join(this.#disk ?? "", "ballast");
  }

  async remove(): Promise<void> {
    this.proxy.close();
    await this.#remove();
    if (this.#disk !== undefined) execFileSync("umount", ["--lazy", this.#disk]);
  }
}

async function postgres(folder: string): Promise<Server> {
  await createCluster(folder, { settings: SETTINGS });
  return {
    address: await startCluster(folder),
    /** Of its first process: the others end when they notice. */
    async kill() {
      const file = await readFile(path.join(folder, "postmaster.pid"), "utf8").catch(() => "");
      const pid = Number.parseInt(file, 10);
      if (pid > 0) process.kill(pid, "SIGKILL");
    },
    stop: () => stopCluster(folder, "immediate"),
    up: () => startCluster(folder),
    remove: () => removeCluster(folder),
  };
}

async function timescale(folder: string): Promise<Server> {
  const { address, server } = await startTimescale({ folder, settings: SETTINGS });
  return {
    address,
    kill: () => server.kill(),
    stop: () => server.stop(),
    up: () => server.start(),
    remove: () => server.remove(),
  };
}
