import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { processRows } from "../../../automation/processes/process-table.ts";
import { eventually } from "../eventually.ts";

const BOOT_LIMIT_MS = 300_000;
const SERVICE = "millwright-server";

/** A program of the host, as root. @throws Error with what it wrote */
export async function run(file: string, ...args: string[]): Promise<string> {
  const ended = promisify(execFile)(file, args, { maxBuffer: 64 * 1_024 * 1_024 });
  const { stdout } = await ended.catch((error: unknown) => {
    const failure = error as Error & { readonly stdout: string };
    throw new Error(`${failure.message}\n${failure.stdout}`, { cause: failure });
  });
  return stdout;
}

/** A disk that outlives the machines that it is attached to. */
export interface Volume {
  readonly id: string;
  readonly file: string;
}

interface MachineParts {
  /** The Debian that it boots, never written to. */
  readonly root: string;
  /** What it writes there, and `seed`: what differs from the Debian at its first boot. */
  readonly folder: string;
  readonly vpcPid: number;
  readonly address: string;
  readonly volumes: readonly Volume[];
}

/**
 * A machine of EC2: systemd in namespaces of its own. A kill is the loss of the instance with all that runs on it; what was
 * written to disks stays (also what was not flushed: the host's kernel lives on).
 */
export class Machine {
  readonly #parts: MachineParts;
  #child: ChildProcess | undefined;
  #init = 0;

  constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  /** Boots it until systemd answers: for the first time, or again with the root disk that it had. */
  async powerOn(): Promise<void> {
    const { root, folder, vpcPid, address, volumes } = this.#parts;
    const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
    const script = path.join(import.meta.dirname, "machine.sh");
    const disks = volumes.map(({ id, file }) => `${id}=${file}`);
    const machine = ["sh", script, root, folder, String(vpcPid), address, ...disks];
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", ...namespaces, ...machine], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const systemd = async () => {
      if (child.exitCode !== null) throw new Error(said);
      this.#init = (await processRows()).find(({ parent }) => parent === child.pid)?.pid ?? 0;
      return this.#init > 0 && this.has("/run/systemd/private");
    };
    await eventually("systemd", systemd, BOOT_LIMIT_MS);
  }

  /** As EC2 does when the machine runs already. */
  async attachVolumes(): Promise<void> {
    await this.run("sh", "-c", "mv /dev/disk/detached/* /dev/disk/by-id/");
  }

  /** Waits for the server's setup, which cloud-init or a boot starts. @throws Error with the end of its log when it failed */
  async serves(): Promise<void> {
    await this.run("systemctl", "start", SERVICE).catch(async () => {
      throw new Error(await this.run("journalctl", "-u", SERVICE, "-n", "40", "-o", "cat"));
    });
  }

  /** Waits until cloud-init is through with the first boot. @throws Error with its errors */
  async initialised(): Promise<void> {
    const said = await this.run("cloud-init", "status", "--wait", "--long").catch(String);
    if (!said.includes("status: done")) throw new Error(said);
  }

  has(file: string): boolean {
    return existsSync(`/proc/${this.#init}/root${file}`);
  }

  /** Runs a program in it as root. @throws Error with what it wrote to stderr */
  async run(...command: string[]): Promise<string> {
    return run("nsenter", "--target", String(this.#init), "--all", "--root", "--wd", ...command);
  }

  /** Rows of one statement by the superuser of the machine, unaligned. */
  async sql(statement: string, database = "postgres"): Promise<string> {
    const psql = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement];
    return (await this.run("runuser", "-u", "postgres", "--", ...psql)).trim();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    if (this.#init > 0) process.kill(this.#init, "SIGKILL");
    else child.kill("SIGKILL");
    await gone;
    for (const { file } of this.#parts.volumes)
      await eventually("the volume's end", async () => (await run("losetup", "--associated", file)) === "");
  }
}
