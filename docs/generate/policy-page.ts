import { ENVIRONMENT_BUDGET_USD, MOST_EXCEPTIONS } from "../../model/policy/facts.ts";
import { LONGEST_EXCEPTION_DAYS } from "../../model/policy/exception.ts";
import { LIMITS, type Limits } from "../../policy/limits.ts";
import { LIMIT_RULES, RULES, STACK_RULES } from "../../policy/rules/index.ts";

const NAMES: Readonly<Record<keyof Limits, string>> = {
  level: "what breaks one is",
  serverFamilies: "families of servers, databases and brokers",
  largestServer: "largest size of them",
  largestVolumeGb: "largest disk, in GB",
  mostNatGateways: "most NAT gateways",
  longestLogRetentionDays: "longest time that logs are kept, in days",
};

/** The page of the policy pack, from the rules that it is made of. */
export function policyPage(): string {
  const { development, production } = LIMITS;
  return [
    "# What no stack may do",
    "",
    "Made by `npm run docs` from `policy/`. The pack looks at every preview and every `up`, of the service and by hand",
    "(`--policy-pack dist/policy`): nothing comes up without it. A pack that does not load, a rule that breaks and a price that",
    "is missing stop the deployment. A value that is not known yet breaks a limit, and costs what the worst one would.",
    "",
    "| Rule | Holds that | Refuses in | Exceptions |",
    "| --- | --- | --- | --- |",
    ...RULES.map(({ name, description }) => row(name, description, "every environment", "none")),
    ...LIMIT_RULES.map(({ name, description }) => row(name, description, strict(), "by resource")),
    ...STACK_RULES.map(({ name, description, isLimit, isExceptable }) =>
      row(
        name,
        description,
        isLimit ? strict() : "every environment",
        isExceptable ? "for `resource: stack`" : "none",
      ),
    ),
    "",
    "Where a limit does not refuse, it is told as `advice`. A stack on AWS that does not say of which environment it is, or says it",
    "wrongly, is refused by `policy-facts`.",
    "",
    "## Exposure",
    "",
    "Security groups take what comes from other groups and from private addresses (RFC 1918, 100.64.0.0/10, fc00::/7), and no prefix",
    "lists, whose addresses no plan holds. A policy of a bucket, topic, queue, key, secret, repository or role lets everybody in only",
    "where a condition ties whoever asks to an account, an organization or a network. Load balancers are internal, servers and tasks",
    "have no public addresses. So a policy must be known in the preview: build its ARNs from names.",
    "",
    "## Limits",
    "",
    "| | development | production |",
    "| --- | --- | --- |",
    ...(Object.keys(NAMES) as (keyof Limits)[]).map(
      (key) => `| ${NAMES[key]} | ${text(development[key])} | ${text(production[key])} |`,
    ),
    "",
    "They go by the preset that an environment is built from (`aws.preset`), and stand in `policy/limits.ts`.",
    "",
    "## Budgets",
    "",
    "What a stack costs is what its resources cost in a month of 730 h at list prices ([cost.md](cost.md)): what is expected, with",
    "values that are not known yet at their worst. A plan holds no more than that; the rest stands in the stack's config",
    "`millwright:cost`, which the service writes for tenants' stacks. What is left out is not known, and refused:",
    "",
    "| Key | Says |",
    "| --- | --- |",
    `| \`environmentBudgetUsdPerMonth\` | what all stacks of the environment may cost together: ${ENVIRONMENT_BUDGET_USD.toLocaleString("en")} where nothing is said |`,
    "| `elsewhereUsdPerMonth` | what the environment's other stacks cost, with the use of their tenants; by hand `GET /v1/cost/environment`: in the platform's stack its `tenantsUsdPerMonth`, in a tenant's `platformUsdPerMonth` too |",
    "| `useUsdPerMonth` | in a tenant's stack: what its use costs |",
    "| `shareUsdPerMonth` | in a tenant's stack: its part of what is shared, which counts for its own budget, `aws.budgetUsdPerMonth` |",
    "",
    "What makes a resource dearer and has no price, such as another engine, a cache, a dedicated host or a server whose launch",
    "template is not in the stack, is refused in every environment (`price-missing`; `model/cost/resources/unpriced.ts`).",
    "",
    "A tenant without a budget has the environment's only. The service holds both before it takes a create, more machines, or a move",
    "to a database of the tenant's own, on every target: the environment's for all that stands or was accepted, each stack for a full",
    "month, each tenant at what it uses or, where that is more, at what is quoted for its machines. One at a time: two that",
    "do not fit together do not both pass. What adds nothing (a rotation, a way back, a delete) is never held: the service then writes",
    "`holdsBudget: false`, which by hand does what leaving out the tenant's budget does, but for AWS's own alarm on it.",
    "",
    "## Exceptions",
    "",
    `In the stack's config, at most ${MOST_EXCEPTIONS}, each for one resource by its name in the program, until a day at most`,
    `${LONGEST_EXCEPTION_DAYS} days ahead (UTC, included). One in force is told with its owner; one that has ended counts no more, and the`,
    "refusal names it. Exposure, tags, the number of dedicated tenants and the environment's budget know none: who needs more",
    "changes the limit, where others see it.",
    "",
    "```yaml",
    "  millwright:policyExceptions:",
    "    - policy: volume-sizes",
    "      resource: dedicated-acme-a-data",
    "      owner: ops@example.com",
    "      reason: a year of readings is imported at once",
    "      until: 2026-12-31",
    "```",
    "",
    "Stacks that the service brings up take theirs from the platform's: `tenants` there says whose, with `*` for any characters; a `*` in",
    "`resource` is the tenant's id. They count from the platform's next `up` on, which refuses those that cannot be.",
    "",
    "```yaml",
    "  millwright:tenantExceptions:",
    "    - tenants: customer-*",
    "      policy: volume-sizes",
    '      resource: "dedicated-*-a-data"',
    "      owner: ops@example.com",
    "      reason: a year of readings is imported at once",
    "      until: 2026-12-31",
    "```",
    "",
    "## A new rule",
    "",
    "A pure function in `policy/rules/`, its entry in `policy/rules/index.ts`, its limit by environment in `policy/limits.ts`, and its",
    "rows in `test/policy/matrix/`: at the limit, above it, and not known yet.",
    "",
  ].join("\n");
}

function strict(): string {
  const environments = Object.entries(LIMITS).filter(([, { level }]) => level === "mandatory");
  return environments.map(([name]) => name).join(", ");
}

function row(...cells: readonly string[]): string {
  const [name = "", ...others] = cells;
  return `| \`${name}\` | ${others.join(" | ")} |`;
}

function text(value: Limits[keyof Limits]): string {
  return typeof value === "number" ? value.toLocaleString("en") : [value].flat().join(", ");
}
