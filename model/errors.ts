/** Public and stable: clients and alerts match on it. A message may be reworded, a code never. */
export type ErrorCode =
  // requests
  | "request-invalid"
  | "body-unreadable"
  | "body-too-large"
  | "media-type-unsupported"
  | "request-timeout"
  | "not-found"
  | "method-not-allowed"
  | "unauthenticated"
  | "forbidden"
  | "too-many-requests"
  | "tenant-required"
  | "idempotency-key-reused"
  | "confirmation-missing"
  // tenants and operations
  | "tenant-unknown"
  | "tenant-exists"
  | "tenant-busy"
  | "tenant-not-ready"
  | "operation-unknown"
  | "operation-not-cancellable"
  | "operation-not-retryable"
  | "operation-cancelled"
  | "operation-fenced"
  | "receipt-unknown"
  | "key-unknown"
  | "certificate-unknown"
  | "certificate-refused"
  | "certificates-unavailable"
  | "entrance-unavailable"
  | "rule-unknown"
  | "rule-exists"
  | "channel-unknown"
  | "channel-refused"
  | "channel-limit"
  | "alert-unknown"
  | "alert-state-conflict"
  | "incident-unknown"
  | "limit-reached"
  | "no-capacity"
  | "decision-unknown"
  | "decision-ended"
  | "move-unavailable"
  | "move-needless"
  | "move-unfinished"
  | "rollback-too-late"
  | "restore-unavailable"
  | "restore-failed"
  | "move-refused"
  | "policy-refused"
  // cost
  | "price-missing"
  | "price-book-missing"
  | "cost-report-invalid"
  | "price-book-invalid"
  | "price-book-exists"
  | "price-list-invalid"
  | "price-list-unavailable"
  | "price-ambiguous"
  // engine
  | "engine-missing"
  | "engine-too-old"
  | "engine-failed"
  | "engine-timeout"
  | "stack-locked"
  // data plane
  | "position-taken"
  | "tenant-fenced"
  | "placement-changed"
  | "flip-aborted"
  | "copy-differs"
  | "offset-out-of-range"
  | "clock-skewed"
  | "topic-unknown"
  | "log-unavailable"
  | "dead-letter-unknown"
  | "database-unavailable"
  | "disk-full"
  // start
  | "setting-invalid"
  | "node-too-old"
  | "port-in-use"
  | "home-in-use"
  | "cluster-failed"
  | "service-missing"
  // the way to the service
  | "service-unavailable"
  // import
  | "import-map-invalid"
  | "import-file-unreadable"
  | "internal";

/** One wrong field of a request: a JSON pointer and what is wrong there. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

interface ErrorFacts {
  /** True when the same call, unchanged, may succeed later. */
  readonly retryable?: boolean;
  readonly fields?: readonly FieldError[];
  readonly cause?: unknown;
}

/** The one family of errors: says what was wrong, where, and what to do, in words that are safe to show. */
export class MillwrightError extends Error {
  override readonly name = "MillwrightError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly fields: readonly FieldError[];

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.retryable = facts.retryable ?? false;
    this.fields = facts.fields ?? [];
  }
}

/** Whether `error` is one of ours with the given code. */
export function hasCode(error: unknown, code: ErrorCode): error is MillwrightError {
  return error instanceof MillwrightError && error.code === code;
}
