import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { sendSignal } from "../../../automation/processes/process-identity.ts";
import { familyOf } from "../../../automation/processes/process-table.ts";
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
  /** SIGSTOP to all of its processes: connections stay open, and nothing answers. */
  readonly freeze: () => Promise<void>;
  readonly thaw: () => Promise<void>;
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
  readonly freeze: Server["freeze"];
  readonly thaw: Server["thaw"];
  readonly up: Server["up"];
  readonly #remove: Server["remove"];
  readonly #disk: string | undefined;

  private constructor(server: Server, disk: string | undefined, proxy: TcpProxy) {
    this.address = server.address;
    this.kill = server.kill;
    this.stop = server.stop;
    this.freeze = server.freeze;
    this.thaw = server.thaw;
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

  /** Takes all that is left of its disk, block by block: a reservation of all would be undone when the server is faster. */
  async fillDisk(): Promise<void> {
    if (this.#disk === undefined) throw new Error("this server has no disk of its own");
    const fill = promisify(execFile)("dd", ["if=/dev/zero", `of=${this.#ballast}`, "bs=64k"]);
    await fill.catch(() => undefined); // it ends when there is no room
    const { bavail } = await statfs(this.#disk);
    if (bavail > 0) throw new Error(`the disk has still ${bavail} blocks`);
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
  const pidFile = path.join(folder, "postmaster.pid");
  const firstProcess = async () => Number.parseInt(await readFile(pidFile, "utf8").catch(() => ""), 10);
  const signalAll = async (signal: NodeJS.Signals) => {
    const first = await firstProcess();
    if (first > 0) for (const pid of await familyOf(first)) sendSignal(pid, signal);
  };
  return {
    address: await startCluster(folder),
    /** Of its first process: the others end when they notice. */
    async kill() {
      const pid = await firstProcess();
      if (pid > 0) sendSignal(pid, "SIGKILL");
    },
    // twice: what the first process started while it was looked at is stopped too, and then it starts no more
    async freeze() {
      for (let pass = 0; pass < 2; pass++) await signalAll("SIGSTOP");
    },
    thaw: () => signalAll("SIGCONT"),
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
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    up: () => server.start(),
    remove: () => server.remove(),
  };
}
