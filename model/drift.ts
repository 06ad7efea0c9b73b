/** A property that is otherwise than it was made. */
export interface PropertyDifference {
  readonly name: string;
  /** As it was made and as it was found; both left out where either is a secret, or no plain value. */
  readonly expected?: unknown;
  readonly found?: unknown;
}

/** A resource that is otherwise than it was made. */
export interface StackDifference {
  readonly urn: string;
  readonly kind: "changed" | "gone";
  readonly properties: readonly PropertyDifference[];
}

export const DRIFT_STATUSES = ["clean", "drifted", "failed"] as const;

/** What the last look at a stack has found. */
export interface StackDrift {
  readonly stack: string;
  readonly checkedAt: Date;
  /** `failed`: `differences` are those of the look before. */
  readonly status: (typeof DRIFT_STATUSES)[number];
  readonly differences: readonly StackDifference[];
  /** The code of what failed. */
  readonly error: string | undefined;
}
