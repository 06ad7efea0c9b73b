import { billedTenancies, type BillPeriod } from "../../data/catalog/billed-tenancy.ts";
import { stacksBetween, type StandingStack } from "../../data/catalog/stack-cost.ts";
import { sharedPlaces } from "../../data/catalog/cell.ts";
import type { Queryable } from "../../data/pool.ts";
import { ATTRIBUTION_RULES } from "../../model/cost/attribution-rules.ts";
import { billedFor, tenancyKey, type OwedLine } from "../../model/cost/bill.ts";
import { standingBetween } from "../../model/cost/month.ts";
import { meteredLines, type BillInputs } from "../../model/cost/month-bill.ts";
import { MACHINES_PER_PLACE } from "../../model/cost/share.ts";
import type { Pricing } from "./pricing.ts";

/** What stood in the period and what was used in it, as the catalog has them now. */
export async function billInputs(
  service: Queryable,
  period: BillPeriod,
  { book, chargesOf }: Pricing,
): Promise<BillInputs> {
  const stacks = await stacksBetween(service, period);
  const tenancies = await billedTenancies(service, period);
  const standing = standingBetween(period.fromMs, period.toMs);
  const metered = meteredLines(book, tenancies, (tenancy) => chargesOf(tenancy, standing));
  return {
    rules: ATTRIBUTION_RULES,
    plan: { places: await sharedPlaces(service), machinesPerPlace: MACHINES_PER_PLACE },
    hours: standing.hours,
    lines: [...stacks.flatMap((stack) => standingLines(stack, period)), ...metered],
    tenancies,
  };
}

function standingLines(stack: StandingStack, { fromMs, toMs }: BillPeriod): readonly OwedLine[] {
  const { tenant, since, fromAt, untilAt, lines } = stack;
  const endMs = Math.min(toMs, untilAt?.getTime() ?? Infinity);
  const standing = standingBetween(Math.max(fromMs, fromAt.getTime()), endMs);
  const owner = tenant === null || since === null ? null : tenancyKey({ tenant, since: since.toISOString() });
  return lines.map((line) => ({ ...billedFor(line, standing), owner }));
}
