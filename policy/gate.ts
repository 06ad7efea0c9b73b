import { UnknownValueError, type ResourceValidationPolicy } from "@pulumi/policy";
import type { PlannedResource, Rule } from "./rules/rule.ts";

/** What a rule finds wrong; a rule that cannot decide refuses. */
export function decide(rule: Rule, resource: PlannedResource): readonly string[] {
  try {
    return rule.violations(resource);
  } catch (error) {
    // Left to the SDK, an unknown value would turn a mandatory policy into advice.
    if (error instanceof UnknownValueError)
      return [`It cannot be decided before it is made: ${(error as Error).message}.`];
    throw error;
  }
}

/** A rule as CrossGuard takes it: looked at before each resource is made, in preview and in up. */
export function resourcePolicy(rule: Rule): ResourceValidationPolicy {
  return {
    name: rule.name,
    description: rule.description,
    enforcementLevel: "mandatory",
    validateResource: ({ type, props }, report) => {
      for (const violation of decide(rule, { type, props: props as PlannedResource["props"] }))
        report(violation);
    },
  };
}
