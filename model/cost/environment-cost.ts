import { totalOf, type Charge } from "./cost-line.ts";
import { platformLines, tenantLines } from "./materials.ts";
import { microUsd, usdOf, type MicroUsd } from "./money.ts";
import { chargeOf, priceOf } from "./price-book.ts";
import type { QuoteBasis } from "./quote.ts";
import { cellsFor, moreVolumeCharges } from "./sizing.ts";
import { unmeteredCharges } from "./unmetered-charges.ts";
import { usageCharges } from "./usage-charges.ts";
import { assumedUsage, mapUsage, type MonthlyUsage } from "./usage.ts";

/** A tenant as it is once all that was accepted of it is done. */
export interface StandingTenant {
  readonly machines: number;
  /** 0: it is in a shared one. 2: it moves from one to another. */
  readonly ownDatabases: number;
  /** What was metered of it, as if for a whole month. */
  readonly measured: MonthlyUsage;
}

/** What stands in an environment a month; micro-dollars. */
export interface EnvironmentCost {
  /** With its shared cells. */
  readonly platform: MicroUsd;
  /** Their stacks and their use. */
  readonly tenants: MicroUsd;
}

/**
 * Each stack counts for a full month and each tenant for all its machines, whether it stands already or was accepted a moment
 * ago: what was let in is never cheaper than it will be. @throws MillwrightError `price-missing`
 */
export function environmentCost(
  basis: Pick<QuoteBasis, "book" | "preset" | "entrance" | "sharedCells">,
  tenants: readonly StandingTenant[],
): EnvironmentCost {
  const { book, preset, sharedCells } = basis;
  const stackOf = (tier: "shared" | "dedicated") => totalOf(tenantLines(book, tier)).expected;
  const [shared, dedicated] = [stackOf("shared"), stackOf("dedicated")];
  const stacks = tenants.reduce(
    (sum, { ownDatabases }) => sum + (ownDatabases === 0 ? shared : ownDatabases * dedicated),
    0,
  );
  const storedBytes = tenants
    .filter(({ ownDatabases }) => ownDatabases === 0)
    .reduce((sum, tenant) => sum + useOf(tenant).storageBytes, 0);
  const cells = Math.max(sharedCells, cellsFor(storedBytes, preset));
  return {
    platform: totalOf(platformLines(book, preset, cells)).expected,
    tenants: stacks + useCost(basis, tenants),
  };
}

/** The greater of what was metered and what a quote takes for so many machines. */
function useOf({ machines, measured }: StandingTenant): MonthlyUsage {
  return mapUsage(assumedUsage(machines), (assumed, name) => Math.max(assumed, measured[name]));
}

/** Of all that is their own but not in their stacks, a volume's growth too; a price's steps are climbed once. */
export function useCost(
  { book, preset, entrance }: Pick<QuoteBasis, "book" | "preset" | "entrance">,
  tenants: readonly StandingTenant[],
): MicroUsd {
  const quantities = new Map<string, number>();
  const add = (charges: readonly Charge[], times = 1) => {
    for (const { price, quantity } of charges)
      quantities.set(price, (quantities.get(price) ?? 0) + times * quantity.expected);
  };
  for (const tenant of tenants) {
    const use = useOf(tenant);
    add(usageCharges(use, { preset, entrance }));
    add(unmeteredCharges(use, { entrance, machines: tenant.machines }));
    add(moreVolumeCharges(use), tenant.ownDatabases);
  }
  return [...quantities].reduce(
    (sum, [price, quantity]) => sum + chargeOf(priceOf(book, price, "use"), quantity),
    0,
  );
}

/** Why an environment may not come to cost so much; undefined: it may. */
export function overEnvironmentBudget(
  { platform, tenants }: EnvironmentCost,
  budgetUsd: number,
): string | undefined {
  if (platform + tenants <= microUsd(budgetUsd)) return undefined;
  const [total, ofPlatform, ofTenants] = [platform + tenants, platform, tenants].map(usdText);
  return (
    `The environment would cost ${total} USD a month, more than its budget of ${usdText(microUsd(budgetUsd))}: ` +
    `${ofPlatform} the platform and ${ofTenants} all tenants, this one included, each at what it uses or, where that is ` +
    "more, at what its machines are expected to. Ask for fewer machines, make room by another tenant, or raise the budget " +
    "(MILLWRIGHT_ENVIRONMENT_BUDGET_USD; on AWS `cost.environmentBudgetUsdPerMonth` of the platform's stack)."
  );
}

function usdText(amount: MicroUsd): string {
  return usdOf(amount).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
