import { exceptionState, LONGEST_EXCEPTION_DAYS } from "../../model/policy/exception.ts";
import type { StackRule } from "./rule.ts";

/** @param exceptable - names of the rules that know exceptions */
export function policyExceptions(exceptable: ReadonlySet<string>): StackRule {
  return {
    name: "policy-exceptions",
    description: `Exceptions are from rules that know some, and for ${LONGEST_EXCEPTION_DAYS} days at most.`,
    isLimit: false,
    isExceptable: false,
    // Those for tenants here, too: a wrong one stops the platform's `up` instead of every operation on a tenant.
    violations: ({ facts: { exceptions, tenantExceptions = [] }, today }) =>
      [...exceptions, ...tenantExceptions].flatMap((exception) => {
        const { policy, resource, owner, until } = exception;
        const named = `The exception of ${resource} from ${policy} (${owner}, until ${until})`;
        if (!exceptable.has(policy))
          return [`${named} cannot be: from ${[...exceptable].join(", ")} there are some.`];
        return exceptionState(exception, today) === "too-long"
          ? [`${named} is longer than ${LONGEST_EXCEPTION_DAYS} days from ${today}.`]
          : [];
      }),
  };
}
