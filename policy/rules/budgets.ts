import { totalOf } from "../../model/cost/cost-line.ts";
import { microUsd, usdOf, type MicroUsd } from "../../model/cost/money.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import { stackLines } from "../../model/cost/stack-lines.ts";
import type { PlannedStack, StackRule } from "./rule.ts";

/**
 * Both budgets are for what is expected of a month: the stack's resources, values that are not known yet at their worst, and
 * what the facts say of use and of the environment's other stacks. What a stack is refused for in the `up` it is refused for in
 * the preview: a value that becomes known there is never dearer than its worst.
 */
export const environmentBudget: StackRule = {
  name: "environment-budget",
  description: "The stacks of an environment together cost no more than its budget.",
  isLimit: false,
  isExceptable: false,
  violations(stack) {
    const { environmentBudgetUsdPerMonth: budget, elsewhereUsdPerMonth: elsewhere, tenant } = stack.facts;
    if (elsewhere === undefined) return [elsewhereNotKnown(tenant === undefined)];
    if (tenant === undefined)
      return over("The environment", budget, {
        "this stack": costOf(stack),
        "the others": microUsd(elsewhere),
      });
    if (tenant.useUsdPerMonth === undefined)
      return [notKnown("what the tenant's use costs", "useUsdPerMonth")];
    return over("The environment", budget, {
      "this stack": costOf(stack),
      "its use": microUsd(tenant.useUsdPerMonth),
      "the others": microUsd(elsewhere),
    });
  },
};

export const tenantBudget: StackRule = {
  name: "tenant-budget",
  description: "A tenant costs no more than its budget.",
  isLimit: false,
  isExceptable: true,
  violations(stack) {
    const { tenant } = stack.facts;
    if (tenant?.budgetUsdPerMonth === undefined) return [];
    const { budgetUsdPerMonth, useUsdPerMonth: use, shareUsdPerMonth: share } = tenant;
    if (use === undefined) return [notKnown("what the tenant's use costs", "useUsdPerMonth")];
    if (share === undefined)
      return [notKnown("what its part of the shared resources costs", "shareUsdPerMonth")];
    return over("The tenant", budgetUsdPerMonth, {
      "this stack": costOf(stack),
      "its use": microUsd(use),
      "its part of what is shared": microUsd(share),
    });
  },
};

/** @throws MillwrightError `price-missing`, `price-book-missing` */
function costOf({ resources, facts: { region }, today }: PlannedStack): MicroUsd {
  return totalOf(stackLines(bookOf({ region, date: today }), resources)).expected;
}

function over(who: string, budgetUsd: number, parts: Readonly<Record<string, MicroUsd>>): string[] {
  const total = Object.values(parts).reduce((sum, amount) => sum + amount, 0);
  if (total <= microUsd(budgetUsd)) return [];
  const listed = Object.entries(parts).map(([name, amount]) => `${usd(amount)} ${name}`);
  return [
    `${who} would cost ${usd(total)} a month, more than the budget of ${usd(microUsd(budgetUsd))}: ${listed.join(", ")}.`,
  ];
}

function usd(amount: MicroUsd): string {
  return `$${usdOf(amount).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** The service adds it up; a first platform has none yet, and nothing beside it. */
function elsewhereNotKnown(isPlatform: boolean): string {
  const sum = isPlatform ? ".tenantsUsdPerMonth" : "(.platformUsdPerMonth + .tenantsUsdPerMonth)";
  return (
    `${notKnown("what the environment's other stacks cost", "elsewhereUsdPerMonth")} The service knows: ` +
    `pulumi config set --path millwright:cost.elsewhereUsdPerMonth "$(curl -sf -H "Authorization: Bearer $TOKEN" ` +
    `$URL/v1/cost/environment | jq '.environment | ${sum} | ceil')"` +
    (isPlatform ? "; while there is none, and so no tenant, it is 0." : ".")
  );
}

function notKnown(what: string, key: string): string {
  return `It is not known ${what}: say it in the config millwright:cost (${key}).`;
}
