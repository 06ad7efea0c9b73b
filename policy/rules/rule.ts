/** A resource as the engine is about to make it. Reading a value that is not known yet throws. */
export interface PlannedResource {
  /** Type token, such as `aws:rds/instance:Instance`. */
  readonly type: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** One limit that every resource must keep; pure. */
export interface Rule {
  /** Stable: part of the API's answer when it refuses. */
  readonly name: string;
  readonly description: string;
  /** What is wrong, one sentence each; empty when the resource keeps the rule. */
  readonly violations: (resource: PlannedResource) => readonly string[];
}
