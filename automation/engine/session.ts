import { spawn, type ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { StackDifference } from "../../model/drift.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";
import { endSession } from "../processes/process-session.ts";
import type { ChangeSummary, EngineEvent, StackSession } from "./engine.ts";
import type { Action, ActionResult, ChildMessage, ParentMessage, SessionSetup } from "./messages.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const CLOSE_LIMIT_MS = 2_000;

export interface SessionLimits {
  /** From SIGINT to SIGKILL. Too short: resources in the making are left as pending operations; too long: a cancel drags. */
  readonly cancelGraceMs: number;
  /** The longest silence of a run; a create of a database cluster is silent for seconds. */
  readonly silenceMs: number;
}

/** Starts a child that leads a process session of its own; it does nothing before it gets its setup. */
export function startChild(environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [CHILD], {
    detached: true,
    env: environment,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

interface RunningAction {
  readonly resolve: (result: ActionResult) => void;
  readonly reject: (error: Error) => void;
}

/** The parent's side of a session: one action at a time, ended by its answer, its cancel, its silence or the child's death. */
export class ChildSession implements StackSession {
  readonly #child: ChildProcess;
  readonly #identity: ProcessIdentity;
  readonly #setup: SessionSetup;
  readonly #limits: SessionLimits;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #exited: Promise<void>;
  #running: RunningAction | undefined;
  #silence: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    child: ChildProcess,
    identity: ProcessIdentity,
    setup: SessionSetup,
    limits: SessionLimits,
    onEvent: (event: EngineEvent) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#child = child;
    this.#identity = identity;
    this.#setup = setup;
    this.#limits = limits;
    this.#onEvent = onEvent;
    this.#signal = signal;
    child.on("message", (message) => this.#take(message as ChildMessage));
    child.on("error", () => undefined); // a send to a dead child; its exit is what counts
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    child.once("exit", (code, by) => {
      const message = `The engine's process ended in the middle (${by ?? `code ${code ?? "unknown"}`}).`;
      void this.#endAndReject(new MillwrightError("engine-failed", message, { retryable: true }));
    });
    this.#tell({ kind: "setup", setup });
    signal?.addEventListener("abort", this.#cancel);
  }

  preview = () => this.#run("preview") as Promise<ChangeSummary>;
  up = () => this.#run("up") as Promise<ChangeSummary>;
  outputs = () => this.#run("outputs") as Promise<Readonly<Record<string, unknown>>>;
  destroy = () => this.#run("destroy") as Promise<ChangeSummary>;
  drift = () => this.#run("drift") as Promise<readonly StackDifference[]>;

  close = (): Promise<void> => {
    this.#closing ??= this.#close();
    return this.#closing;
  };

  async #run(action: Action): Promise<ActionResult> {
    if (this.#running !== undefined)
      throw new Error(`${action}: an action of this session is running already`);
    if (this.#signal?.aborted)
      throw new MillwrightError("operation-cancelled", "The operation was cancelled.");
    if (this.#closing !== undefined || !this.#child.connected)
      throw new MillwrightError("engine-failed", "The engine's process has ended.", { retryable: true });
    try {
      return await new Promise<ActionResult>((resolve, reject) => {
        this.#running = { resolve, reject };
        this.#tell({ kind: "run", action });
        this.#awaitSignOfLife();
      });
    } finally {
      this.#running = undefined;
      clearTimeout(this.#silence);
      clearTimeout(this.#grace);
    }
  }

  #take(message: ChildMessage): void {
    if (this.#running === undefined) return;
    switch (message.kind) {
      case "event":
        this.#awaitSignOfLife();
        this.#onEvent(message.event);
        return;
      case "alive":
        this.#awaitSignOfLife();
        return;
      case "done":
        this.#running.resolve(message.result);
        return;
      case "failed": {
        const { code, message: text, retryable, fields } = message.problem;
        this.#running.reject(new MillwrightError(code, text, { retryable, fields }));
      }
    }
  }

  #awaitSignOfLife(): void {
    clearTimeout(this.#silence);
    const { silenceMs } = this.#limits;
    this.#silence = setTimeout(() => {
      const message = `The engine has shown no sign of life for ${Math.round(silenceMs / 1_000)} s.`;
      this.#interrupt(new MillwrightError("engine-timeout", message, { retryable: true }));
    }, silenceMs);
  }

  readonly #cancel = () => {
    if (this.#running === undefined) return;
    this.#interrupt(new MillwrightError("operation-cancelled", "The operation was cancelled."));
  };

  /** SIGINT to the CLI by way of the child, then SIGKILL for all; `reason` when the child does not answer by itself. */
  #interrupt(reason: MillwrightError): void {
    this.#tell({ kind: "cancel" });
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => void this.#endAndReject(reason), this.#limits.cancelGraceMs);
    if (this.#running !== undefined) {
      // However it fails from here on (the child says "cancelled", or dies of our SIGKILL): why is known here only.
      this.#running = { resolve: this.#running.resolve, reject: rejectWith(this.#running.reject, reason) };
    }
  }

  async #endAndReject(reason: MillwrightError): Promise<void> {
    const running = this.#running;
    await endSession(this.#identity);
    running?.reject(reason);
  }

  #tell(message: ParentMessage): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#cancel);
    const { pid } = this.#child;
    if (pid !== undefined && this.#child.connected) this.#child.disconnect();
    // An idle child ends at once; a running one is cancelled by the closed pipe, but nobody waits for it any more.
    const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS).unref());
    await Promise.race([this.#exited, limit]);
    await endSession(this.#identity);
    await rm(this.#setup.workFolder, { recursive: true, force: true });
  }
}

function rejectWith(reject: (error: Error) => void, reason: Error): (error: Error) => void {
  return () => reject(reason);
}
