import { UnknownValueError } from "@pulumi/policy";
import type { PlannedResource } from "./rules/rule.ts";

/** What a rule finds wrong with a resource; a rule that cannot decide refuses. */
export function decide(
  violations: (resource: PlannedResource) => readonly string[],
  resource: PlannedResource,
): readonly string[] {
  try {
    return violations(resource);
  } catch (error) {
    // Left to the SDK, an unknown value would turn a mandatory policy into advice.
    if (error instanceof UnknownValueError)
      return [`It cannot be decided before it is made: ${(error as Error).message}.`];
    throw error;
  }
}
