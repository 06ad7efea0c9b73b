import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { cellAddress, type CellSecret } from "../../data/cell/cell-secret.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import type { TenantId } from "../../model/tenant.ts";

export interface WatcherStart {
  readonly tenant: TenantId;
  readonly catalog: DatabaseAddress;
  readonly cells: Readonly<Record<string, CellSecret>>;
}

const EVERY_MS = 5;

/**
 * Looks, from a process of its own, how far the tenant's log is stored in the cell that is home at that moment, and
 * answers the longest time between two moments at which that had grown, since the last answer.
 */
async function watch({ tenant, catalog: address, cells }: WatcherStart): Promise<void> {
  const catalog = new pg.Client(address);
  await catalog.connect();
  const clients = new Map<string, pg.Client>();
  for (const [name, secret] of Object.entries(cells)) {
    const client = new pg.Client(cellAddress(secret, "admin"));
    await client.connect();
    clients.set(name, client);
  }
  let [stored, grownMs, longestMs] = [0, performance.now(), 0];
  process.on("message", () => {
    process.send?.(longestMs);
    longestMs = 0;
  });
  process.send?.("ready");
  for (;;) {
    const home = await catalog.query<{ cell: string }>(
      "select cell from catalog.tenant_placement where tenant = $1",
      [tenant],
    );
    const client = clients.get(home.rows[0]?.cell ?? "");
    const position = await client?.query<{ sum: number }>(
      `select sum(next_offset)::float8 as sum from millwright.log_position
        where tenant = $1 and exists (select from millwright.fence f where f.tenant = $1 and not is_closed)`,
      [tenant],
    );
    const sum = position?.rows[0]?.sum ?? 0;
    if (sum > stored) {
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - grownMs);
      [stored, grownMs] = [sum, nowMs];
    }
    await delay(EVERY_MS);
  }
}

process.once("message", (start) => void watch(start as WatcherStart));
process.once("disconnect", () => process.exit());
