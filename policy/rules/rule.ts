import type { PlannedResource as PricedResource } from "../../model/cost/planned-resource.ts";
import type { PolicyFacts } from "../../model/policy/facts.ts";
import type { Limits } from "../limits.ts";

/** A resource as the engine is about to make it. Reading a value that is not known yet throws. */
export interface PlannedResource {
  /** Type token, such as `aws:rds/instance:Instance`. */
  readonly type: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** One limit that every resource must keep, in every environment; pure. Nobody is excepted. */
export interface Rule {
  /** Stable: part of the API's answer when it refuses. */
  readonly name: string;
  readonly description: string;
  /** What is wrong, one sentence each; empty when the resource keeps the rule. */
  readonly violations: (resource: PlannedResource) => readonly string[];
}

/** One limit of a resource that differs by environment; pure. */
export interface LimitRule extends Omit<Rule, "violations"> {
  /** @param stack - the resource's, itself included: some sizes stand in another resource */
  readonly violations: (
    resource: PlannedResource,
    limits: Limits,
    stack: readonly PlannedResource[],
  ) => readonly string[];
}

/** A whole stack as it will be. Values that are not known yet are UNKNOWN. */
export interface PlannedStack {
  readonly resources: readonly PricedResource[];
  readonly facts: PolicyFacts;
  readonly limits: Limits;
  /** Of UTC, such as `2026-11-22`. */
  readonly today: string;
}

/** One limit of a stack as a whole; pure. */
export interface StackRule extends Omit<Rule, "violations"> {
  /** Whether its level is the environment's; otherwise it is mandatory. */
  readonly isLimit: boolean;
  readonly isExceptable: boolean;
  readonly violations: (stack: PlannedStack) => readonly string[];
}
