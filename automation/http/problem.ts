import { isOutage } from "../../data/pool.ts";
import { MillwrightError, type ErrorCode, type FieldError } from "../../model/errors.ts";
import type { Problem } from "../../model/operation.ts";

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

// The only place where an error code meets an HTTP status. A Record: a new code without a row does not compile.
export const PROBLEMS: Readonly<Record<ErrorCode, ProblemKind>> = {
  "request-invalid": { status: 400, title: "The request does not match the API description" },
  "body-unreadable": { status: 400, title: "The body cannot be read" },
  "body-too-large": { status: 413, title: "The body is over the limit" },
  "media-type-unsupported": { status: 415, title: "This media type or encoding is not taken here" },
  "request-timeout": { status: 408, title: "The request did not arrive in time" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "method-not-allowed": { status: 405, title: "This address does not know the method" },
  unauthenticated: { status: 401, title: "A valid token is needed" },
  forbidden: { status: 403, title: "The role of this token may not do that" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "tenant-required": { status: 400, title: "The tenant must be named" },
  "idempotency-key-reused": { status: 422, title: "This key was used with another body" },
  "confirmation-missing": { status: 422, title: "What was asked for is not confirmed" },
  "tenant-unknown": { status: 404, title: "No such tenant" },
  "tenant-exists": { status: 409, title: "This tenant id is taken" },
  "tenant-busy": { status: 409, title: "Another operation has this tenant" },
  "tenant-not-ready": { status: 409, title: "The tenant is not ready" },
  "operation-unknown": { status: 404, title: "No such operation" },
  "operation-not-cancellable": { status: 409, title: "The operation cannot be cancelled any more" },
  "operation-not-retryable": { status: 409, title: "The operation cannot be retried" },
  "operation-cancelled": { status: 409, title: "The operation was cancelled" },
  "operation-fenced": { status: 409, title: "The operation has another owner" },
  "receipt-unknown": { status: 404, title: "The operation has no receipt" },
  "key-unknown": { status: 404, title: "No such key" },
  "certificate-unknown": { status: 404, title: "No such certificate" },
  "certificate-refused": { status: 422, title: "The certificate's request is refused" },
  "certificates-unavailable": { status: 409, title: "Machines sign in by keys here" },
  "entrance-unavailable": { status: 503, title: "The machines' entrance is away" },
  "rule-unknown": { status: 404, title: "No such rule" },
  "rule-exists": { status: 409, title: "This rule id is taken" },
  "channel-unknown": { status: 404, title: "No such channel" },
  "channel-refused": { status: 422, title: "The channel is refused" },
  "channel-limit": { status: 409, title: "The tenant has as many channels as it may" },
  "alert-unknown": { status: 404, title: "No such alert" },
  "alert-state-conflict": { status: 409, title: "The alert's state does not allow that" },
  "incident-unknown": { status: 404, title: "No such incident" },
  "limit-reached": { status: 409, title: "The tenant has as many as it may have" },
  "no-capacity": { status: 409, title: "No database has room" },
  "decision-unknown": { status: 404, title: "No such decision" },
  "decision-ended": { status: 409, title: "The decision is no longer open" },
  "move-refused": { status: 422, title: "This move is refused" },
  "move-unavailable": { status: 409, title: "Tenants are not moved here" },
  "move-needless": { status: 409, title: "The tenant is there already" },
  "move-unfinished": { status: 409, title: "The tenant's last move still has its way back" },
  "rollback-too-late": { status: 409, title: "There is no way back any more" },
  "restore-unavailable": { status: 409, title: "This database cannot be restored from here" },
  "restore-failed": { status: 502, title: "A server's restore has failed" },
  "policy-refused": { status: 422, title: "A policy refuses this" },
  "price-missing": { status: 422, title: "There is no price for this" },
  "cost-report-invalid": { status: 422, title: "This cost report cannot be used" },
  "price-book-missing": { status: 422, title: "There is no price book for this" },
  "price-book-invalid": { status: 500, title: "A file is not a price book" },
  "price-book-exists": { status: 409, title: "There is another price book of that day" },
  "price-list-invalid": { status: 500, title: "A price list of the cloud is not usable" },
  "price-list-unavailable": { status: 503, title: "A price list of the cloud cannot be read" },
  "price-ambiguous": { status: 500, title: "More than one price fits" },
  "engine-missing": { status: 503, title: "The Pulumi engine is missing" },
  "engine-too-old": { status: 503, title: "The Pulumi engine is too old" },
  "engine-failed": { status: 502, title: "The Pulumi engine failed" },
  "engine-timeout": { status: 504, title: "The Pulumi engine did not answer in time" },
  "stack-locked": { status: 409, title: "The stack is locked by another process" },
  "position-taken": { status: 409, title: "Another consumer stored this offset" },
  "tenant-fenced": { status: 503, title: "The tenant's writes are paused" },
  "placement-changed": { status: 503, title: "The tenant's data is changing place" },
  "flip-aborted": { status: 503, title: "The move was called off at its last step; nothing has changed" },
  "copy-differs": { status: 500, title: "The copy of the tenant's data is not the same as the original" },
  "offset-out-of-range": { status: 500, title: "The log no longer holds this offset" },
  "clock-skewed": { status: 503, title: "Clocks of the platform disagree" },
  "topic-unknown": { status: 409, title: "The tenant has no topic" },
  "dead-letter-unknown": { status: 404, title: "No such dead letter" },
  "log-unavailable": { status: 503, title: "The event log is away" },
  "database-unavailable": { status: 503, title: "A database is away" },
  "disk-full": { status: 507, title: "The disk is full" },
  "setting-invalid": { status: 500, title: "A setting is wrong" },
  "node-too-old": { status: 500, title: "Node is too old" },
  "port-in-use": { status: 500, title: "The port is in use" },
  "home-in-use": { status: 500, title: "The home folder is in use" },
  "cluster-failed": { status: 503, title: "A database cluster does not start" },
  "service-missing": { status: 503, title: "A service that this needs is not installed" },
  "service-unavailable": { status: 503, title: "The service is away" },
  "import-map-invalid": { status: 400, title: "The import map is wrong" },
  "import-file-unreadable": { status: 400, title: "The import file cannot be read" },
  internal: { status: 500, title: "Internal Server Error" },
};

/** undefined: no error has this code */
export function problemTitle(code: string): string | undefined {
  return Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ErrorCode].title : undefined;
}

/** Body of `application/problem+json` (RFC 9457). */
export interface ProblemDetails extends ProblemKind {
  readonly type: string;
  readonly detail: string;
  readonly instance?: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly errors?: readonly FieldError[];
}

/** An operation's stored error with what RFC 9457 asks for. */
export function problemDetails({ code, detail, retryable, errors }: Problem): ProblemDetails {
  const fields = errors.length === 0 ? {} : { errors };
  return { type: `/problems/${code}`, ...PROBLEMS[code], detail, code, retryable, ...fields };
}

/** Of an error that is not ours nothing is shown: its message may hold SQL, paths or secrets. */
export function toProblem(error: unknown, instance: string): ProblemDetails {
  const { code, message: detail, retryable, fields: errors } = ourError(error);
  return { ...problemDetails({ code, detail, retryable, errors }), instance };
}

function ourError(error: unknown): MillwrightError {
  if (error instanceof MillwrightError) return error;
  if (isOutage(error)) {
    const message = "A database does not answer; the same call may succeed in a moment.";
    return new MillwrightError("database-unavailable", message, { retryable: true });
  }
  // What express itself finds wrong with a request, such as a path with a broken escape or a range that is not there.
  const status = Number((error as { status?: unknown } | null | undefined)?.status);
  if (status >= 400 && status < 500)
    return new MillwrightError("request-invalid", "The address or a header cannot be understood.");
  return new MillwrightError(
    "internal",
    "An unexpected error; the service's log has it under the request id.",
  );
}
