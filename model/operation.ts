import { MillwrightError, type ErrorCode, type FieldError } from "./errors.ts";
import type { TenantId } from "./tenant.ts";

export const OPERATION_KINDS = [
  "create",
  "update",
  "delete",
  "move",
  "rollback",
  "finish-move",
  "rotate",
  "restore",
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export const OPERATION_STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

export type StepStatus = "pending" | "running" | "succeeded" | "failed" | "cancelled";

/** What takes a tenant apart, in order: the end of a delete, and the clean-up of a cancelled create. */
const DISMANTLE_STEPS = ["lift-protection", "drop-data", "destroy", "drop-topics", "forget"] as const;

/** What takes the target of a move away again, in order: the end of each that does not come to its flip. */
type AbandonStep = "release-target" | "drop-target-data" | "remove-target" | "settle-source";

/** What gives the logins of a tenant other passwords, in order. */
const RENEWING_STEPS = ["advance-rotation", "up", "store-secrets", "check-logins"] as const;

/** The steps of each kind in order. Published with the operation; an order once released changes behind a patch only. */
export const OPERATION_STEPS = {
  create: ["gate", "place", "preview", "up", "store-secrets", "prepare-data", "create-topics", "activate"],
  update: ["record", "adapt-data"],
  delete: ["quiesce", ...DISMANTLE_STEPS],
  move: [
    "preflight",
    "place-target",
    "build-target",
    "check-target",
    "prepare-target",
    "mark",
    "copy",
    "prove",
    "catch-up",
    "flip",
    "receipt",
    "protect-home",
  ],
  rollback: ["check-way-back", "catch-up", "flip", "receipt", "protect-home"],
  "finish-move": ["let-go", "lift-protection", "drop-old-data", "remove-old-home", "receipt"],
  rotate: ["preview", ...RENEWING_STEPS],
  restore: ["preview", "find-servers", "restore-primary", "follow-primary", "settle", ...RENEWING_STEPS],
} as const satisfies Record<OperationKind, readonly string[]>;
export type StepName = (typeof OPERATION_STEPS)[OperationKind][number] | AbandonStep;

/** Why an operation failed; HTTP adds what RFC 9457 asks for. */
export interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly errors: readonly FieldError[];
}

export interface OperationStep {
  readonly name: StepName;
  readonly status: StepStatus;
  /** Grows each time the step is begun: again after a crash, or by a retry. */
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Durable long work on one tenant, as the API shows it. Times are ISO 8601 in UTC. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly tenant: TenantId;
  readonly status: OperationStatus;
  readonly steps: readonly OperationStep[];
  readonly error: Problem | null;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly isCancelRequested: boolean;
  /** 1, and one more with each retry. */
  readonly attempt: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** One line of an operation's progress; `id` counts from 1 without gaps. */
export interface OperationEvent {
  readonly id: number;
  readonly kind: "status" | "step" | "progress";
  readonly at: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export function isFinished(status: OperationStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/** An error as it is stored; of one that is not ours nothing is shown, it may hold SQL, paths or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof MillwrightError) {
    const { code, message: detail, retryable, fields: errors } = error;
    return { code, detail, retryable, errors };
  }
  const detail = "An unexpected error; the service's log has it under this operation's id.";
  return { code: "internal", detail, retryable: false, errors: [] };
}
