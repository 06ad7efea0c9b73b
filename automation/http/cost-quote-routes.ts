import * as z from "zod";
import { quoteTenant } from "../../model/cost/quote.ts";
import { ENTRANCES } from "../../model/cost/entrance.ts";
import { USAGE_ASSUMPTIONS } from "../../model/cost/usage.ts";
import { TIERS } from "../../model/tenant.ts";
import { quoteBasis } from "../cost/quote-basis.ts";
import { awsRegion } from "../../model/aws/region.ts";
import { quoteAnswer, quoteSchema } from "./cost-schemas.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { tenantFields } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const assumption = z.number().min(0).max(1e9);
const assumptions = z
  .strictObject(Object.fromEntries(Object.keys(USAGE_ASSUMPTIONS).map((name) => [name, assumption])))
  .partial()
  .meta({ description: "In place of what is taken for a customer nobody has measured" });

const quoteRequest = z
  .strictObject({
    tier: z.enum(TIERS).default("shared"),
    machines: tenantFields.machines,
    region: awsRegion.optional().meta({ description: "Another one than the platform's own" }),
    entrance: z
      .enum(ENTRANCES)
      .optional()
      .meta({ description: "How readings come in, where it is not as on this platform" }),
    priceUsdPerMonth: z
      .number()
      .positive()
      .max(1e9)
      .optional()
      .meta({ description: "Asked of the customer: the answer says what is left of it" }),
    assumptions: assumptions.default({}),
  })
  .meta({ id: "QuoteRequest" });

export function costQuoteEndpoints({ catalog, pricedPlace, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/cost/quote",
      summary: "What a tenant would cost",
      description:
        "At list prices, in a month of 730 h: what it adds, its part of what all share, and both tiers side by side. What " +
        "the platform is built for and nobody has taken is nobody's; docs/cost.md says how it is computed.",
      permission: "cost:quote",
      tenancy: "none",
      body: quoteRequest,
      answers: { 200: jsonAnswer("The quote", z.strictObject({ quote: quoteSchema })) },
      async handle({ body: { region, priceUsdPerMonth, ...tenant } }) {
        const place = { ...pricedPlace, ...(region === undefined ? {} : { region }) };
        const basis = await quoteBasis(catalog.service, place, nowMs());
        return {
          status: 200,
          body: { quote: quoteAnswer(quoteTenant(basis, tenant), basis, priceUsdPerMonth) },
        };
      },
    }),
  ];
}
