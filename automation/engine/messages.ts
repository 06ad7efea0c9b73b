import type { StackDifference } from "../../model/drift.ts";
import type { ErrorCode, FieldError } from "../../model/errors.ts";
import type { BucketState } from "./layout.ts";
import type { ChangeSummary, EngineEvent } from "./engine.ts";

/** What the service and the child of a session tell each other over the IPC pipe: secrets pass here, never by argv. */

export type Action = "preview" | "up" | "outputs" | "destroy" | "drift";

/** All that a child needs. */
export interface SessionSetup {
  readonly stack: string;
  readonly plainConfig: Readonly<Record<string, string>>;
  readonly secretConfig: Readonly<Record<string, string>>;
  readonly programModule: string;
  readonly policyPack: string;
  readonly cliPath: string;
  readonly cliVersion: string;
  /** Of the CLI: backend, passphrase file, PATH. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workFolder: string;
  readonly projectFolder: string;
  readonly stateFolder: string;
  /** Instead of the folder, where there is one. */
  readonly bucket: BucketState | undefined;
  readonly passphraseFile: string;
  /** Where the record is, unless there is a bucket: the child works only as long as it names it and its token. */
  readonly recordFolder: string;
  readonly fencingToken: string;
}

export type ParentMessage =
  | { readonly kind: "setup"; readonly setup: SessionSetup }
  | { readonly kind: "run"; readonly action: Action }
  /** SIGINT to the CLI: it finishes the resources at work, writes the state and releases its lock. */
  | { readonly kind: "cancel" };

export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly fields: readonly FieldError[];
}

export type ActionResult = ChangeSummary | Readonly<Record<string, unknown>> | readonly StackDifference[];

export type ChildMessage =
  | { readonly kind: "event"; readonly event: EngineEvent }
  /** Something moves; at most one a second. */
  | { readonly kind: "alive" }
  | { readonly kind: "done"; readonly result: ActionResult }
  | { readonly kind: "failed"; readonly problem: Problem };
