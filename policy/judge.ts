import { MillwrightError } from "../model/errors.ts";
import { exceptionState } from "../model/policy/exception.ts";
import { POLICY_FACTS_TYPE, policyFacts, type PolicyFacts } from "../model/policy/facts.ts";
import { decide } from "./decide.ts";
import { knownValues } from "./known-values.ts";
import { LIMITS } from "./limits.ts";
import { LIMIT_RULES, STACK_RULES } from "./rules/index.ts";
import type { PlannedResource } from "./rules/rule.ts";

/** A resource of a stack as the engine names it. */
export interface StackResource extends PlannedResource {
  readonly urn: string;
  /** Its name in the program. */
  readonly name: string;
}

/** Something wrong with a stack. */
export interface Verdict {
  /** Name of the rule. */
  readonly policy: string;
  readonly level: "advisory" | "mandatory";
  readonly message: string;
  /** Left out: the stack itself. */
  readonly resource?: StackResource;
}

/** Name of what refuses a stack on AWS that does not say what the rules need. */
export const FACTS_POLICY = "policy-facts";
const AWS = /^aws:/;

/**
 * What the rules for whole stacks find. A stack without anything on AWS costs nothing and has no limits here: what it would
 * cost there is quoted by the service, before the engine starts.
 * @param today - of UTC, such as `2026-11-22`
 */
export function judge(resources: readonly StackResource[], today: string): readonly Verdict[] {
  if (!resources.some(({ type }) => AWS.test(type))) return [];
  const facts = readFacts(resources);
  if (typeof facts === "string") return [{ policy: FACTS_POLICY, level: "mandatory", message: facts }];

  const limits = LIMITS[facts.preset];
  const excepting = exceptionsFor(facts, today);
  const ofResources = LIMIT_RULES.flatMap(({ name: policy, violations }) =>
    resources.flatMap((resource) =>
      decide((one) => violations(one, limits, resources), resource).map((message) =>
        excepting({ policy, level: limits.level, message, resource }),
      ),
    ),
  );
  const stack = {
    ...{ facts, limits, today },
    resources: resources.map(({ type, name, props }) => ({ type, name, props: knownValues(props) })),
  };
  const ofStack = STACK_RULES.flatMap(({ name: policy, isLimit, isExceptable, violations }) => {
    try {
      const level = isLimit ? limits.level : "mandatory";
      const found = violations(stack).map((message) => ({ policy, level, message }));
      return isExceptable ? found.map(excepting) : found;
    } catch (error) {
      // Without a price nobody knows whether the stack keeps its budget: nobody is excepted from that.
      if (error instanceof MillwrightError)
        return [{ policy, level: "mandatory" as const, message: error.message }];
      throw error;
    }
  });
  return [...ofResources, ...ofStack];
}

/** @returns what is wrong with them, when they are not there */
function readFacts(resources: readonly StackResource[]): PolicyFacts | string {
  const found = resources.filter(({ type }) => type === POLICY_FACTS_TYPE);
  const [first] = found;
  if (first === undefined || found.length > 1)
    return `The stack has ${found.length} resources of type ${POLICY_FACTS_TYPE}, and needs one: nothing is known of its environment.`;
  const parsed = policyFacts.safeParse(knownValues(first.props));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  return `What is known of the stack's environment is wrong. ${wrong.join("; ")}.`;
}

/** Turns a verdict into advice where an exception is in force, and says so where one has expired. */
function exceptionsFor({ exceptions }: PolicyFacts, today: string): (verdict: Verdict) => Verdict {
  return (verdict) => {
    const { policy, message, resource } = verdict;
    const mine = exceptions.filter(
      (one) => one.policy === policy && one.resource === (resource?.name ?? "stack"),
    );
    const inForce = mine.find((one) => exceptionState(one, today) === "in-force");
    if (inForce !== undefined) {
      const { owner, until, reason } = inForce;
      return {
        ...verdict,
        level: "advisory",
        message: `${message} Excepted until ${until} by ${owner}: ${reason}`,
      };
    }
    const expired = mine.find((one) => exceptionState(one, today) === "expired");
    if (expired === undefined) return verdict;
    return { ...verdict, message: `${message} The exception of ${expired.owner} ended on ${expired.until}.` };
  };
}
