import { expect } from "chai";
import { pricingOf } from "../../../automation/cost/price-stacks.ts";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { ATTRIBUTION_RULES } from "../../../model/cost/attribution-rules.ts";
import { tenancyKey, type OwedLine } from "../../../model/cost/bill.ts";
import { meteredLines, monthBill } from "../../../model/cost/month-bill.ts";
import { HOURS_PER_MONTH, ONE_MONTH } from "../../../model/cost/month.ts";
import { NO_OTHERS, quoteTenant } from "../../../model/cost/quote.ts";
import { MACHINES_PER_PLACE } from "../../../model/cost/share.ts";
import { TIERS } from "../../../model/tenant.ts";

/** A month of 730 h in which one tenant uses what its quote says. */
describe("the bill of a tenant that uses what it was quoted for", () => {
  const pricing = pricingOf(LOCAL_PLACE)("2026-11-22");
  const plan = { places: 200, machinesPerPlace: MACHINES_PER_PLACE };
  const hours = HOURS_PER_MONTH;

  for (const tier of TIERS)
    for (const machines of [1, 15, 400])
      it(`is within 1 % of the quote: ${tier}, ${machines} machines`, () => {
        const basis = {
          book: pricing.book,
          preset: LOCAL_PLACE.preset,
          plan,
          sharedCells: 1,
          others: NO_OTHERS,
          limits: {},
        };
        const quote = quoteTenant(basis, { tier, machines, assumptions: {} });
        const tenancy = {
          ...{ tenant: "acme", since: "2026-10-01T00:00:00.000Z", hours },
          ...{ sharedPart: tier === "shared" ? 1 : 0, use: quote.usage },
        };
        const standing = (owner: string | null, lines: typeof pricing.stacks.platform) =>
          lines.map((line): OwedLine => ({ ...line, owner }));
        const bill = monthBill({
          ...{ rules: ATTRIBUTION_RULES, plan, hours, tenancies: [tenancy] },
          lines: [
            ...standing(null, pricing.stacks.platform),
            ...standing(tenancyKey(tenancy), pricing.stacks.tenant[tier]),
            ...meteredLines(pricing.book, [tenancy], (one) => pricing.chargesOf(one, ONE_MONTH)),
          ],
        });
        const quoted = quote.cost.total.expected;
        expect(Math.abs((bill.tenants[0]?.total ?? 0) - quoted) / quoted).to.be.below(0.01);
      });
});
