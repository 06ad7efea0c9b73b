import type { Policies, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { decide } from "./decide.ts";
import { FACTS_POLICY, judge, type StackResource, type Verdict } from "./judge.ts";
import { LIMIT_RULES, RULES, STACK_RULES } from "./rules/index.ts";
import type { PlannedResource, Rule } from "./rules/rule.ts";

/**
 * The rules as CrossGuard takes them. Those for every resource are asked before each one is made, in preview and in up; those
 * for the stack at the end of either, which is why nothing comes up without a preview.
 *
 * The SDK shows a stack by its resources' outputs, where whatever a provider computes is not known before it is made: the
 * default of a disk would be priced at the worst. So the inputs are kept as they pass (ADR 0064); a resource that the
 * engine asks nothing about, such as one beside a `--target`, counts by its outputs.
 * @param today - the day in UTC, such as `2026-11-22`
 */
export function gatePolicies(today: () => string): Policies {
  const inputs = new Map<string, PlannedResource["props"]>();
  // The engine asks all policies about a stack in one call, in this order: the first one judges it for all of them.
  let verdicts: readonly Verdict[] | undefined;
  const judged = (): readonly Verdict[] => {
    if (verdicts === undefined) throw new Error(`Nothing is judged while ${FACTS.name} is disabled.`);
    return verdicts;
  };
  const facts: StackValidationPolicy = {
    ...FACTS,
    validateStack: ({ resources }, report) => {
      const planned = resources.map(({ urn, name, type, props }): StackResource => ({
        urn,
        name,
        type,
        props: inputs.get(urn) ?? props,
      }));
      verdicts = judge(planned, today());
      for (const { message } of verdicts.filter(({ policy }) => policy === FACTS.name)) report(message);
    },
  };
  const stackPolicies = [...LIMIT_RULES, ...STACK_RULES].map(
    ({ name, description }): StackValidationPolicy => ({
      ...{ name, description, enforcementLevel: "mandatory" },
      validateStack: (_, report) => {
        for (const { policy, level, message, resource } of judged())
          if (policy === name && level === "mandatory") report(message, resource?.urn);
      },
    }),
  );
  const advice: StackValidationPolicy = {
    ...ADVICE,
    validateStack: (_, report) => {
      for (const { policy, level, message, resource } of judged())
        if (level === "advisory") report(`${policy}: ${message}`, resource?.urn);
    },
  };
  return [...RULES.map((rule) => resourcePolicy(rule, inputs)), facts, ...stackPolicies, advice];
}

const FACTS = {
  name: FACTS_POLICY,
  description: "A stack on AWS says of which environment it is, and what it may cost.",
  enforcementLevel: "mandatory",
} as const;
// The SDK knows one level a policy: what is advice in one environment and mandatory in the other has two.
const ADVICE = {
  name: "advice",
  description: "What another environment would refuse, and what is excepted.",
  enforcementLevel: "advisory",
} as const;

function resourcePolicy(
  { name, description, violations }: Rule,
  inputs: Map<string, PlannedResource["props"]>,
): ResourceValidationPolicy {
  return {
    ...{ name, description, enforcementLevel: "mandatory" },
    validateResource: ({ type, urn, props }, report) => {
      inputs.set(urn, props);
      for (const violation of decide(violations, { type, props })) report(violation);
    },
  };
}
