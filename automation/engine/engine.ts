import type { StackDifference } from "../../model/drift.ts";

/** One config value of a stack; a secret is encrypted in the stack's settings and never reaches argv. */
export type StackConfig = Readonly<Record<string, string | { readonly secret: string }>>;

/** What happened in a run of the engine, for the screen and the operation's events; the truth is the result. */
export interface EngineEvent {
  readonly kind: "resource" | "policy" | "message";
  /** One line for a person, secrets redacted. */
  readonly message: string;
  readonly resource?: { readonly urn: string; readonly type: string; readonly op: string };
}

/** Resource counts by what was (or would be) done: `create`, `update`, `delete`, `replace`, `same`. */
export type ChangeSummary = Readonly<Record<string, number>>;

/** A mandatory policy that a resource or the stack breaks. */
export interface PolicyViolation {
  readonly policy: string;
  readonly resource: string;
  readonly message: string;
}

/**
 * One stack driven by one child process, started at the first call and ended by `close` (or with its parent). Errors:
 * `policy-refused`, `engine-failed`, `engine-timeout`, `stack-locked`, `operation-cancelled`, `operation-fenced`.
 */
export interface StackSession {
  readonly preview: () => Promise<ChangeSummary>;
  readonly up: () => Promise<ChangeSummary>;
  /** Decrypted; the caller puts secrets into the secret store and nowhere else. */
  readonly outputs: () => Promise<Readonly<Record<string, unknown>>>;
  /** Destroys every resource, then removes the stack with its settings and history; a stack that is gone is success. */
  readonly destroy: () => Promise<ChangeSummary>;
  /**
   * What is otherwise than the last `up` left it. Changes nothing, and hears no config: what is compared is in the state.
   * A stack that is not there differs in nothing.
   */
  readonly drift: () => Promise<readonly StackDifference[]>;
  readonly close: () => Promise<void>;
}

export interface SessionRequest {
  /** `platform-ENV` or `tenant-ID`: the program is chosen by the stack's name. */
  readonly stack: string;
  /** The whole config of the stack: a key that is left out is removed. */
  readonly config: StackConfig;
  /** Grows with each owner of the operation; a stack refuses a session with a lower token than it has seen. */
  readonly fencingToken: bigint;
  readonly onEvent?: (event: EngineEvent) => void;
  /** Asks the run to stop: SIGINT, then SIGKILL of the group after a grace time. */
  readonly signal?: AbortSignal;
}

export interface Engine {
  /** Ends what a dead predecessor left of this stack (process group, lock, pending operations), then opens it. */
  readonly open: (request: SessionRequest) => Promise<StackSession>;
}
