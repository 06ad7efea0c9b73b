import * as z from "zod";
import { ATTRIBUTIONS } from "../../model/cost/attribution.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { costComparison } from "./cost-comparison-body.ts";
import { instant } from "./schemas.ts";

const usd = z.number().meta({ description: "Whole cents that add up" });

const monthFields = {
  month: z.string(),
  from: instant,
  to: instant.meta({ description: "Up to when it is counted" }),
  closedAt: instant.nullable().meta({ description: "From then on nothing changes; null: it still may" }),
  sha256: z.string().nullable().meta({ description: "Of a closed month's bills as canonical JSON" }),
  priceBook: z.strictObject({ region: z.string(), date: z.string() }),
  currency: z.literal("USD"),
};

const forecast = z
  .strictObject({ lowUsd: usd, expectedUsd: usd, highUsd: usd })
  .nullable()
  .meta({ description: "Of the month's end; null: closed, or no whole day is seen yet" });

const costLine = z.strictObject({
  component: z.enum(COST_COMPONENTS),
  kind: z.enum(ATTRIBUTIONS).meta({
    description:
      "own: it stands for this tenant alone; used: paid by use; shared: its part of what all share",
  }),
  price: z.string(),
  of: z.string(),
  unit: z.string(),
  quantity: z.number(),
  usd,
  microUsd: z.int().meta({ description: "The exact amount" }),
});

export const tenantCost = z
  .strictObject({
    ...monthFields,
    tenant: z.string(),
    since: instant.meta({ description: "An id may be used again: whose bill it is" }),
    hours: z.number(),
    totalUsd: usd,
    sharedUsd: usd.meta({ description: "Of the total, what is part of what all share" }),
    budgetUsdPerMonth: z.number().nullable(),
    forecast,
    shares: z.array(
      z.strictObject({ component: z.enum(COST_COMPONENTS), part: z.number().min(0).max(1), usd }),
    ),
    lines: z.array(costLine),
  })
  .meta({ id: "TenantCost" });

export const platformCost = z
  .strictObject({
    ...monthFields,
    totalUsd: usd,
    budgetUsdPerMonth: z.number().meta({ description: "Of the whole environment, as the gate holds it" }),
    forecast,
    stacks: z
      .array(z.strictObject({ owner: z.string(), component: z.enum(COST_COMPONENTS), usd: z.number() }))
      .meta({
        description:
          "As the provider's own bill has it: by the tag `tenant` of each stack, before anything is split",
      }),
    unattributedUsd: usd.meta({
      description: "What no tenant pays: places that the platform is built for and nobody has taken",
    }),
    actual: costComparison.nullable().meta({
      description: "Beside what the provider's own bill says of the month; null: nobody has reported it",
    }),
    tenants: z.array(
      z.strictObject({ tenant: z.string(), since: instant, hours: z.number(), totalUsd: usd }),
    ),
  })
  .meta({ id: "PlatformCost" });
