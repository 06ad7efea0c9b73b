import { billedTenancies, type BillPeriod } from "../../data/catalog/billed-tenancy.ts";
import { stacksBetween, type StandingStack } from "../../data/catalog/stack-cost.ts";
import type { Queryable } from "../../data/pool.ts";
import { ATTRIBUTION_RULES } from "../../model/cost/attribution-rules.ts";
import type { SharedTime, SplitSpan } from "../../model/cost/attribution.ts";
import { tenancyKey } from "../../model/cost/bill.ts";
import { standingBetween } from "../../model/cost/month.ts";
import { meteredLines, type BillInputs } from "../../model/cost/month-bill.ts";
import { meanPlaces, placedSpans, type PlacedSpan } from "../../model/cost/placed-span.ts";
import { MACHINES_PER_PLACE } from "../../model/cost/share.ts";
import { standingLines, type Stood } from "../../model/cost/standing-lines.ts";
import type { Pricing } from "./pricing.ts";

/** What stood in the period and what was used in it, as the catalog has them now. */
export async function billInputs(
  service: Queryable,
  period: BillPeriod,
  { book, chargesOf }: Pricing,
): Promise<BillInputs> {
  const stacks = (await stacksBetween(service, period)).map(stoodOf);
  const tenancies = await billedTenancies(service, period);
  const standing = standingBetween(period.fromMs, period.toMs);
  const spans = placedSpans(
    period,
    stacks.flatMap(({ places, ...time }) => (places === null ? [] : [{ ...time, places }])),
  );
  return {
    rules: ATTRIBUTION_RULES,
    ...sharedTime({ ...period, places: meanPlaces(spans, period) ?? 0 }),
    ...(spans.length > 1 ? { spans: await splitSpans(service, spans) } : {}),
    lines: [
      ...standingLines(
        stacks.filter(({ owner }) => owner === null),
        spans,
      ),
      ...standingLines(
        stacks.filter(({ owner }) => owner !== null),
        [period],
      ),
      ...meteredLines(book, tenancies, (tenancy) => chargesOf(tenancy, standing)),
    ],
    tenancies,
  };
}

function stoodOf({
  tenant,
  since,
  fromAt,
  untilAt,
  ...stack
}: StandingStack): Stood & Pick<StandingStack, "places"> {
  const owner = tenant === null || since === null ? null : tenancyKey({ tenant, since: since.toISOString() });
  return { ...stack, owner, fromMs: fromAt.getTime(), toMs: untilAt?.getTime() ?? Infinity };
}

async function splitSpans(service: Queryable, spans: readonly PlacedSpan[]): Promise<readonly SplitSpan[]> {
  const split: SplitSpan[] = [];
  for (const span of spans)
    split.push({ ...sharedTime(span), tenancies: await billedTenancies(service, span) });
  return split;
}

function sharedTime({ fromMs, toMs, places }: PlacedSpan): SharedTime {
  const { hours } = standingBetween(fromMs, toMs);
  return { plan: { places, machinesPerPlace: MACHINES_PER_PLACE }, hours };
}
