import type pg from "pg";
import type { MeteredMinute } from "../../data/catalog/usage-minute.ts";
import { writeMinutes } from "../../data/catalog/usage-minute.ts";
import { asCellAdmin } from "../../data/cell/cell-admin.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import {
  markCollected,
  uncollectedUsage,
  type DatabaseUsage,
  type UncollectedUsage,
} from "../../data/cell/collect-usage.ts";
import { sampleUsage } from "../../data/cell/sample-usage.ts";
import type { Usage } from "../../data/cell/usage.ts";
import { startOf } from "../../model/usage.ts";

const SESSION = { applicationName: "millwright-usage", lockTimeoutMs: 5_000, statementTimeoutMs: 30_000 };

/** Minutes of tenants in one round: 200 tenants for 25 minutes, a few megabytes. */
const ROUND = 5_000;

export interface CollectedCell {
  readonly name: string;
  readonly secret: CellSecret;
  /** The catalog, as its service role. */
  readonly catalog: pg.Pool;
}

/**
 * Sums what changed in a cell into the catalog, all of it, however long the cell was away. The catalog first, then the
 * flag in the cell: who dies between the two writes the same minutes again.
 */
export async function collectCell(
  { name, secret, catalog }: CollectedCell,
  { nowMs, measuresStorage }: { readonly nowMs: number; readonly measuresStorage: boolean },
): Promise<void> {
  await asCellAdmin(secret, SESSION, async (client) => {
    await sampleUsage(client, measuresStorage);
    for (;;) {
      const usage = await uncollectedUsage(client, startOf("minute", nowMs), ROUND);
      await writeMinutes(catalog, [...ingestedMinutes(usage), ...databaseMinutes(name, usage)]);
      await markCollected(client, usage);
      if (!isFull(usage)) return;
    }
  });
}

/**
 * The partitions of a minute together. Of no cell: what is ingested is a function of the log, so two cells that follow it,
 * a home and its shadow, say the same of a minute, the one that is behind less. Together they are one meter.
 */
function ingestedMinutes({ ingested }: UncollectedUsage): readonly MeteredMinute[] {
  const minutes = Map.groupBy(ingested, ({ tenant, minuteMs }) => `${tenant} ${minuteMs}`);
  return [...minutes.values()].flatMap((partitions) => {
    const [first] = partitions;
    if (first === undefined) return [];
    const sum = (count: (usage: Usage) => number) => partitions.reduce((total, one) => total + count(one), 0);
    const { tenant, minuteMs } = first;
    const [rowCount, byteCount] = [sum((one) => one.rowCount), sum((one) => one.byteCount)];
    return [{ tenant, minuteMs, cell: "", meter: "ingest", rowCount, byteCount }];
  });
}

function databaseMinutes(cell: string, { database }: UncollectedUsage): readonly MeteredMinute[] {
  return database.map((usage: DatabaseUsage) => ({ ...usage, cell, meter: "database" }));
}

function isFull({ ingested, database }: UncollectedUsage): boolean {
  return ingested.length >= ROUND || database.length >= ROUND;
}
