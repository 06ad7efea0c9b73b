import { unknownCheckingProxy } from "@pulumi/policy";
import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { POLICY_FACTS_TYPE } from "../../model/policy/facts.ts";
import { gatePolicies } from "../../policy/pack.ts";

export const TODAY = "2026-11-22";
export const TAGS = { tenant: "acme", environment: "production", costCenter: "platform" };

export interface Planned {
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** What the pack is told of a stack where nothing else is said. */
export const FACTS = {
  environment: "production",
  preset: "production",
  region: "us-east-1",
  environmentBudgetUsdPerMonth: 50_000,
  elsewhereUsdPerMonth: 0,
  exceptions: [],
} as const;

/** A resource of AWS with its tags. */
export function planned(type: string, props: Planned["props"] = {}, name = "one"): Planned {
  return { type, name, props: { tags: TAGS, ...props } };
}

export function factsOf(facts: object = {}): Planned {
  return { type: POLICY_FACTS_TYPE, name: "policy-facts", props: { ...FACTS, ...facts } };
}

export interface Finding {
  readonly policy: string;
  readonly message: string;
  readonly urn: string | undefined;
}

/** Asks all policies of the pack as the engine does: each resource by its inputs, then the stack by its outputs. */
export async function gate(
  stack: readonly Planned[],
  { today = TODAY, outputs = (props: Planned["props"]): Planned["props"] => props } = {},
): Promise<{ readonly refused: readonly Finding[]; readonly advised: readonly Finding[] }> {
  const found: Record<"mandatory" | "advisory", Finding[]> = { mandatory: [], advisory: [] };
  const policies = gatePolicies(() => today);
  const take =
    ({ name: policy, enforcementLevel }: (typeof policies)[number], own?: string) =>
    (message: string, urn = own) =>
      found[enforcementLevel as keyof typeof found].push({ policy, message, urn });
  const proxied = unknownCheckingProxy as unknown as (props: Planned["props"]) => Planned["props"]; // untyped upstream
  const seen = stack.map(({ type, name, props }, index) => {
    const urn = `urn:pulumi:s::millwright::${type}::${name}#${index}`;
    return { type, name, urn, props: proxied(props), shown: proxied(outputs(props)) };
  });
  for (const resource of seen)
    for (const policy of policies.filter((one): one is ResourceValidationPolicy => "validateResource" in one))
      await (policy.validateResource as (args: object, report: object) => unknown)(
        resource,
        take(policy, resource.urn),
      );
  const resources = seen.map(({ shown, ...resource }) => ({ ...resource, props: shown }));
  for (const policy of policies.filter((one): one is StackValidationPolicy => "validateStack" in one))
    await (policy.validateStack as (args: object, report: object) => unknown)({ resources }, take(policy));
  return { refused: found.mandatory, advised: found.advisory };
}
