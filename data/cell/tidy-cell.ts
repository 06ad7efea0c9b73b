import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";
import { forgetBatches } from "../batch.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { removeDeadLetters } from "./remove-dead-letters.ts";

/** Rollups hold it while they take marks: marks vanish under nobody's hands. */
const MARKS_LOCK = "hashtextextended('millwright dirty marks', 0)";

/**
 * Usage that is summed up, and of which the log can bring no more: a record older than the log's retention is not there
 * to be stored, and a minute that began again from nothing would take the place of the whole one.
 */
const USAGE_KEPT_MS = LOG_RETENTION_MS + 86_400_000;

/**
 * Deletes what a cell no longer needs: batches beyond memory, old dead letters, usage that the catalog has, and all but
 * the newest of equal dirty marks. Of the rest, tenants that are being moved keep all. @returns how many dead letters went
 */
export async function tidyCell(secret: CellSecret): Promise<{ readonly deadLetterCount: number }> {
  const session = { applicationName: "millwright-tidy", statementTimeoutMs: 60_000 };
  return asCellAdmin(secret, session, async (client) => {
    await forgetBatches(client, "millwright.batch");
    const deadLetterCount = await removeDeadLetters(client);
    for (const table of ["usage", "database_usage"])
      await client.query(
        `delete from millwright.${table} where is_collected and minute < now() - $1 * interval '1 millisecond'`,
        [USAGE_KEPT_MS],
      );
    await client.query("begin");
    await client.query(`select pg_advisory_xact_lock(${MARKS_LOCK})`);
    await client.query(
      `delete from millwright.dirty_mark mark
        using (select tenant, type, machine_id, hour, max(id) as newest from millwright.dirty_mark
                group by tenant, type, machine_id, hour having count(*) > 1) doubled
        where (mark.tenant, mark.type, mark.machine_id, mark.hour)
              = (doubled.tenant, doubled.type, doubled.machine_id, doubled.hour)
          and mark.id < doubled.newest`,
    );
    await client.query("commit");
    return { deadLetterCount };
  });
}
