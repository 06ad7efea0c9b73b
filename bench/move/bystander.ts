import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A process beside the benchmark's own that looks at it from outside, and answers what it has seen since it was asked last. */
export class Bystander<Seen> {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param file - of this folder; it takes `start` as its first message, and answers when it is up */
  static async start<Seen>(file: string, start: object): Promise<Bystander<Seen>> {
    const child = fork(new URL(file, import.meta.url));
    child.send(start);
    await once(child, "message");
    return new Bystander(child);
  }

  async ask(): Promise<Seen> {
    const answer = once(this.#child, "message");
    this.#child.send("ask");
    return ((await answer) as [Seen])[0];
  }

  async end(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}
