import { listCells } from "../../data/catalog/cell.ts";
import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import { usageTotals } from "../../data/catalog/usage-total.ts";
import type { Queryable } from "../../data/pool.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import type { AwsPreset } from "../../model/aws/settings.ts";
import { HOURS_PER_MONTH } from "../../model/cost/month.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import type { QuoteBasis } from "../../model/cost/quote.ts";
import { MACHINES_PER_PLACE, NOBODY, together, type Presence } from "../../model/cost/share.ts";
import type { Entrance } from "../../model/cost/entrance.ts";
import { stretchUsage } from "../../model/cost/usage.ts";
import { DAY_MS, HOUR_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";

/** Where and how large the platform is that is priced: this one on AWS, or what a local one would be there. */
export interface PricedPlace {
  readonly region: string;
  readonly preset: AwsPreset;
  /** Of its machines: bills take all readings to come by it, and quotes that are asked for no other. */
  readonly entrance: Entrance;
}

/** The local target is priced as its equivalent on AWS; its machines come by the API, as they do here. */
export const LOCAL_PLACE: PricedPlace = { region: "us-east-1", preset: "production", entrance: "http" };

/** What this platform on AWS is. */
export function placeOf({
  region,
  environment,
  stackConfig,
  machines: { entrance },
}: Pick<AwsPlatformSettings, "environment" | "region" | "stackConfig" | "machines">): PricedPlace {
  const preset = stackConfig["preset"] ?? environment;
  return { region, preset: preset === "development" ? preset : "production", entrance };
}

/** A month, so that each weekday counts about as often as another. */
export const LOOKED_BACK_DAYS = 30;

/**
 * What a quote stands on today: prices, what the platform is built for, and what the other tenants used of late.
 * @param except - the tenant that the quote is about, if there is one
 * @throws MillwrightError `price-book-missing`
 */
export async function quoteBasis(
  service: Queryable,
  { region, preset, entrance }: PricedPlace,
  nowMs: number,
  except?: string,
): Promise<QuoteBasis> {
  const toMs = startOf("day", nowMs) + DAY_MS; // today is not over, but a tenant of today is there
  const fromMs = toMs - LOOKED_BACK_DAYS * DAY_MS;
  const [totals, cells, { triggers }] = [
    await usageTotals(service, { fromMs, toMs }, except),
    await listCells(service),
    await currentTriggers(service),
  ];
  const perMonth = HOURS_PER_MONTH / ((toMs - fromMs) / HOUR_MS);
  const shared = inMonth(totals.get("shared") ?? NOBODY, perMonth);
  const dedicated = inMonth(totals.get("dedicated") ?? NOBODY, perMonth);
  const sharedCells = cells.filter(({ tier }) => tier === "shared");
  const places = sharedCells.reduce((sum, { tenantCapacity }) => sum + tenantCapacity, 0);
  const { ingestedGbPerDay, queriesPerSecond, storageGb } = triggers.upgrade.rules;
  return {
    ...{ book: bookOf({ region, date: new Date(nowMs).toISOString().slice(0, 10) }), preset, entrance },
    plan: { places, machinesPerPlace: MACHINES_PER_PLACE },
    sharedCells: sharedCells.length,
    others: { all: together(shared, dedicated), shared },
    limits: {
      ...{ ingestedGbPerDay: ingestedGbPerDay?.limit, queriesPerSecond: queriesPerSecond?.limit },
      storageGb: storageGb?.limit,
    },
  };
}

function inMonth({ hours, use }: Presence, factor: number): Presence {
  return { hours: hours * factor, use: stretchUsage(use, factor) };
}
