import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { inheritedEnvironment } from "../../../environment.ts";
import { HANDLER_NODE_OPTIONS } from "../../../handlers/node-options.ts";

const ENTRY = fileURLToPath(new URL("../../../handlers/host.ts", import.meta.url));

/** The handlers as production runs them: `handlers/host.ts`, a child that ends with the test. */
export class HostProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param logFile - takes what the host says; @param settings - environment beside MILLWRIGHT_HOME */
  static async start(
    home: string,
    logFile: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<HostProcess> {
    const output = openSync(logFile, "a");
    const child = fork(ENTRY, [], {
      env: {
        ...inheritedEnvironment(),
        ...{ MILLWRIGHT_HOME: home, LOG_LEVEL: "warn" },
        MILLWRIGHT_FLOOD_ALERTS: "1000000", // every alert is to be notified
        NODE_COMPILE_CACHE: path.join(home, "compile-cache"), // as the service gives it: a host starts in half the time
        ...settings,
      },
      execArgv: [...HANDLER_NODE_OPTIONS],
      stdio: ["ignore", output, output, "ipc"],
    });
    await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error(`the host did not start; see ${logFile}`))),
    ]);
    return new HostProcess(child);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory as the host itself measures it. */
  async rssBytes(): Promise<number> {
    const answer = once(this.#child, "message");
    this.#child.send({ kind: "metrics" });
    const [{ text }] = (await answer) as [{ text: string }];
    return Number(/^millwright_host_process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill("SIGKILL"));
  }

  /** Lets it finish what it has in hand. */
  async leave(): Promise<void> {
    await this.#end(() => this.#child.disconnect());
  }

  async #end(how: () => void): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.#child, "exit");
    how();
    await gone;
  }
}
