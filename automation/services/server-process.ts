import { spawn, type ChildProcess } from "node:child_process";
import { open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MillwrightError } from "../../model/errors.ts";
import { familyOf } from "../processes/process-table.ts";
import { sendSignal } from "../processes/process-identity.ts";

const START_LIMIT_MS = 90_000; // crash recovery on a busy machine; a server that fails ends its process, and is heard at once
const POLL_MS = 50;
const LOG_TAIL_LINES = 5;

export interface ServerSpec {
  /** For messages: `Kafka 4.1.1`. */
  readonly name: string;
  /** Everything of the server lies in it; `server.log` gets what it prints. Absolute. */
  readonly folder: string;
  readonly command: readonly [file: string, ...args: string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Ends the server in order. */
  readonly stopSignal: NodeJS.Signals;
  /** Throws or answers false while the server does not serve yet. */
  readonly isServing: () => Promise<boolean>;
}

/**
 * A server in the foreground, as a child of this process: *stopped*, *serving*, or *frozen*. A kill leaves its folder
 * as a power cut would; `start` recovers it. The command sees to it that the server ends with this process.
 */
export class ServerProcess {
  readonly #spec: ServerSpec;
  #child: ChildProcess | undefined;

  constructor(spec: ServerSpec) {
    this.#spec = spec;
  }

  get folder(): string {
    return this.#spec.folder;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Resolves when the server serves; does nothing while it runs.
   * @throws MillwrightError `cluster-failed` with the end of its log
   */
  async start(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (performance.now() < deadline) {
      if (!this.isRunning) await this.#spawn();
      while (this.isRunning && performance.now() < deadline) {
        if (await this.#spec.isServing().catch(() => false)) return;
        await delay(POLL_MS);
      }
      // Backends of a killed PostgreSQL hold its memory until they notice; any other failure is one for people.
      if (!/is still in use/.test(await this.#logTail())) break;
      await delay(POLL_MS);
    }
    const tail = await this.#logTail();
    await this.kill();
    throw new MillwrightError("cluster-failed", `${this.#spec.name} did not start: ${tail}`);
  }

  /** Ends the server in order. */
  async stop(): Promise<void> {
    await this.#end(() => this.#child?.kill(this.#spec.stopSignal));
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGKILL to the server and all its processes at once. */
  async kill(): Promise<void> {
    await this.#end(async () => {
      for (const pid of await this.#family()) sendSignal(pid, "SIGKILL");
    });
  }

  /** SIGSTOP to the server and all its processes: connections stay open, and nothing answers. */
  async freeze(): Promise<void> {
    // twice: what the server forked while it was looked at is stopped too, and a stopped server forks no more
    for (let pass = 0; pass < 2; pass++) await this.#signalFamily("SIGSTOP");
  }

  async thaw(): Promise<void> {
    await this.#signalFamily("SIGCONT");
  }

  /** Kills the server and deletes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #spawn(): Promise<void> {
    const { command, env, folder } = this.#spec;
    const [file, ...args] = command;
    const log = await open(path.join(folder, "server.log"), "a");
    try {
      // A session of its own: Ctrl-C of a terminal reaches us, and we end it in order.
      const stdio = ["ignore", log.fd, log.fd] as const;
      this.#child = spawn(file, args, { env, cwd: folder, detached: true, stdio: [...stdio] });
      this.#child.on("error", () => undefined); // its exit code or the time limit reports it
    } finally {
      await log.close();
    }
  }

  async #end(send: () => unknown): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    await send();
    await exit;
  }

  async #signalFamily(signal: NodeJS.Signals): Promise<void> {
    for (const pid of await this.#family()) sendSignal(pid, signal);
  }

  async #family(): Promise<readonly number[]> {
    return this.isRunning && this.#child?.pid !== undefined ? familyOf(this.#child.pid) : [];
  }

  async #logTail(): Promise<string> {
    const text = await readFile(path.join(this.folder, "server.log"), "utf8").catch(() => "");
    return text.trim().split("\n").slice(-LOG_TAIL_LINES).join(" | ");
  }
}
