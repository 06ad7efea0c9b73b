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
import { TcpProxy } from "./tcp-proxy.ts";

/** Whether this machine lets a test have a small disk of its own. */
export const canMountDisk = process.getuid?.() === 0 && process.platform === "linux";

/** Small, so that recovery after a kill is short and a full disk is full soon; durability as in production. */
const SETTINGS = { shared_buffers: "'64MB'", max_wal_size: "'64MB'", min_wal_size: "'32MB'" };
const DISK_MB = 600;

/** A PostgreSQL server for one test to maltreat: behind a proxy, and where possible on a small disk of its own. */
export class PostgresServer {
  /** Past the proxy: for the checker and for set-up. */
  readonly address: ClusterAddress;
  readonly proxy: TcpProxy;
  readonly #folder: string;
  readonly #disk: string | undefined;

  private constructor(folder: string, disk: string | undefined, address: ClusterAddress, proxy: TcpProxy) {
    this.#folder = folder;
    this.#disk = disk;
    this.address = address;
    this.proxy = proxy;
  }

  static async start(parent: string, options: { readonly onSmallDisk: boolean }): Promise<PostgresServer> {
    const disk = options.onSmallDisk && canMountDisk ? parent : undefined;
    await mkdir(parent, { recursive: true });
    if (disk !== undefined)
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m,mode=0700`, "tmpfs", disk]);
    const folder = path.join(parent, "cluster");
    await createCluster(folder, { settings: SETTINGS });
    const address = await startCluster(folder);
    return new PostgresServer(folder, disk, address, await TcpProxy.to(address.port));
  }

  /** kill -9 of the server's first process: the others end when they notice. */
  async kill(): Promise<void> {
    const file = await readFile(path.join(this.#folder, "postmaster.pid"), "utf8");
    process.kill(Number.parseInt(file, 10), "SIGKILL");
  }

  stop(mode: "fast" | "immediate"): Promise<void> {
    return stopCluster(this.#folder, mode);
  }

  /** Also when it runs, starts or stops just now. */
  async up(): Promise<void> {
    await startCluster(this.#folder);
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
    await removeCluster(this.#folder);
    if (this.#disk !== undefined) execFileSync("umount", ["--lazy", this.#disk]);
  }
}
