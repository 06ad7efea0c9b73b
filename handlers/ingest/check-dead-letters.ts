import type pg from "pg";
import { alarmedTenants, clearLetterAlarm, raiseLetterAlarm } from "../../data/catalog/dead-letter-alarm.ts";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import { deadLetterLoad, type LetterLoad } from "../../data/cell/dead-letter-load.ts";
import { inTransaction } from "../../data/pool.ts";
import { GROWTH, growthChange, type GrowthLimits } from "../../model/dead-letter-growth.ts";

export interface LetterCheck {
  readonly cell: string;
  /** Of the cell, as its ingest login. */
  readonly pool: pg.Pool;
  /** The catalog, as its service role. */
  readonly catalog: pg.Pool;
  readonly limits?: GrowthLimits;
}

/** A tenant whose dead letters began to grow, or do no more. */
export interface GrowthChange extends LetterLoad {
  readonly change: "raised" | "cleared";
}

/**
 * Looks how fast the dead letters of a cell's tenants grow. An alarm is raised once, whoever looks and however many
 * letters come, with a system event in the same transaction; it clears by itself.
 */
export async function checkDeadLetters({ cell, pool, catalog, limits = GROWTH }: LetterCheck): Promise<{
  readonly load: readonly LetterLoad[];
  readonly changes: readonly GrowthChange[];
}> {
  const load = await deadLetterLoad(pool, limits.windowMs);
  const alarmed = await alarmedTenants(
    catalog,
    load.map(({ tenant }) => tenant),
  );
  const changes: GrowthChange[] = [];
  for (const one of load) {
    const { tenant, recentCount, openCount } = one;
    const change = growthChange(recentCount, alarmed.has(tenant), limits);
    if (change === undefined) continue;
    const isOurs = await inTransaction(catalog, async (tx) => {
      const hasChanged = await (change === "raised" ? raiseLetterAlarm : clearLetterAlarm)(tx, tenant);
      if (!hasChanged) return false;
      const kind = change === "raised" ? "dead-letters.growing" : "dead-letters.cleared";
      const detail = { cell, recentCount, openCount, windowMs: limits.windowMs };
      await recordSystemEvent(tx, { kind, tenant, detail });
      return true;
    });
    if (isOurs) changes.push({ ...one, change });
  }
  return { load, changes };
}
