import { measuredLoads } from "../../data/catalog/cell-load.ts";
import { billedTenancies } from "../../data/catalog/billed-tenancy.ts";
import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import { triggerTenants, type TriggerTenant } from "../../data/catalog/trigger-tenant.ts";
import { readUsageHours } from "../../data/catalog/usage-hours.ts";
import type { Queryable } from "../../data/pool.ts";
import { AWS_PRESETS, type AwsPreset } from "../../model/aws/settings.ts";
import { totalOf, type CostLine } from "../../model/cost/cost-line.ts";
import { FIRST_CELL, platformLines, tenantLines } from "../../model/cost/materials.ts";
import { usdOf } from "../../model/cost/money.ts";
import type { PriceBook } from "../../model/cost/price-book.ts";
import { addRanges, mapRange, type Range } from "../../model/cost/range.ts";
import type { CellLoad, RecommendationFacts } from "../../model/cost/recommendations.ts";
import { BYTES_PER_GB, usageCharges } from "../../model/cost/usage-charges.ts";
import { DAY_MS, HOUR_MS } from "../../model/duration.ts";
import { DEFAULT_TRIGGERS, type TriggerConfig } from "../../model/trigger-config.ts";
import { judge, USAGE_COLUMNS } from "../../model/trigger.ts";
import { startOf } from "../../model/usage.ts";

const LOOKED_BACK_DAYS = 30;

/**
 * What the catalog has measured in the last 30 days, at the prices of a place. A platform that does not run on AWS is held
 * against the sizes that it would have there.
 * @throws MillwrightError `price-missing`
 */
export async function recommendationFacts(
  service: Queryable,
  { book, preset }: { readonly book: PriceBook; readonly preset: AwsPreset },
  nowMs: number,
): Promise<RecommendationFacts> {
  const platform = platformLines(book, preset);
  const dedicated = tenantLines(book, "dedicated");
  const cellUsd = {
    shared: usdRange(platform.filter(({ of }) => of.includes(FIRST_CELL))),
    dedicated: usdRange(dedicated),
  };
  const { timescale, dedicatedTimescale, functions } = AWS_PRESETS[preset];
  const loads = await measuredLoads(service, nowMs - LOOKED_BACK_DAYS * DAY_MS);
  const cells = loads.map(({ peakQueryMs, storedBytes, ...load }): CellLoad => {
    const servers = load.tier === "shared" ? timescale : dedicatedTimescale;
    const { instanceType, vcpuCount, dataVolumeGb, hasReplica } = servers;
    return {
      ...load,
      peakBusyConnections: peakQueryMs / HOUR_MS,
      storedGb: storedBytes / BYTES_PER_GB,
      ...{ instanceType, vcpuCount, dataVolumeGb, servers: hasReplica ? 2 : 1 },
      usdPerMonth: cellUsd[load.tier],
    };
  });
  return {
    book,
    cells,
    idleDedicated: await idleDedicated(service, nowMs),
    tenantUsd: { shared: usdRange(tenantLines(book, "shared")), dedicated: usdRange(dedicated) },
    standing: platform,
    logs: {
      gbPerMonth: await logGbPerMonth(service, preset, nowMs),
      retentionDays: functions.logRetentionDays,
    },
  };
}

/** Dedicated tenants that the limits of the way back would let go, whatever the triggers do about it. */
async function idleDedicated(
  service: Queryable,
  nowMs: number,
): Promise<RecommendationFacts["idleDedicated"]> {
  const { triggers } = await currentTriggers(service);
  const hasRules = Object.keys(triggers.downgrade.rules).length > 0;
  const { rules } = hasRules ? triggers.downgrade : DEFAULT_TRIGGERS.downgrade;
  const config: TriggerConfig = { ...triggers, downgrade: { mode: "approval", rules } };
  const tenants = (await triggerTenants(service)).filter(({ tier }) => tier === "dedicated");
  if (tenants.length === 0) return [];

  const hourCount = Math.max(...Object.values(rules).map((rule) => rule?.windowHours ?? 1));
  const firstHourMs = startOf("hour", nowMs) - hourCount * HOUR_MS;
  const asked = new Map(USAGE_COLUMNS.map((column) => [column, hourCount] as const));
  const ids = tenants.map(({ tenant }) => tenant);
  const usage = await readUsageHours(service, { firstHourMs, hourCount }, asked, ids);
  return tenants.flatMap(({ tenant, tierSinceMs }: TriggerTenant) => {
    const tierSinceHour = Math.floor((tierSinceMs - firstHourMs) / HOUR_MS);
    const state = { raised: undefined, decidedHour: undefined, hasChangedTier: false };
    const used = usage.get(tenant) ?? {};
    const judged = { tier: "dedicated" as const, tierSinceHour, usage: used, ...state };
    const judgement = judge(config, judged, hourCount - 1, true);
    return judgement.kind === "fire" ? [{ tenant, reasons: judgement.reasons }] : [];
  });
}

async function logGbPerMonth(service: Queryable, preset: AwsPreset, nowMs: number): Promise<Range> {
  const toMs = startOf("day", nowMs) + DAY_MS;
  const tenancies = await billedTenancies(service, { fromMs: toMs - LOOKED_BACK_DAYS * DAY_MS, toMs });
  const charges = tenancies.flatMap(({ use }) => usageCharges(use, { preset, entrance: "http" }));
  return addRanges(
    charges.filter(({ price }) => price === "cloudwatch/log-ingest").map(({ quantity }) => quantity),
  );
}

function usdRange(lines: readonly CostLine[]): Range {
  return mapRange(totalOf(lines), usdOf);
}
