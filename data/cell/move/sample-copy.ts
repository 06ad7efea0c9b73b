import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { READING_TYPES } from "../../../model/reading.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { seriesColumns } from "./proof.ts";
import { seriesTable } from "./range-sql.ts";

/** Of each table: a tenth of a second or two. */
const SAMPLE_ROWS = 50_000;

/** Reads some rows of each of the tenant's series as a copy does, and writes them nowhere. */
export async function sampleCopy(
  source: pg.Client,
  tenant: TenantId,
): Promise<{ readonly rowCount: number; readonly elapsedMs: number }> {
  const startMs = performance.now();
  let rowCount = 0;
  for (const type of READING_TYPES) {
    const columns = seriesColumns(type).join(", ");
    const rows = source.query(
      copyTo(
        `copy (select ${columns} from ${seriesTable(tenant, type)} limit ${SAMPLE_ROWS}) to stdout (format binary)`,
      ),
    );
    const nowhere = new Writable({ write: (_piece, _encoding, done) => done() });
    await pipeline(rows, nowhere);
    rowCount += rows.rowCount;
  }
  return { rowCount, elapsedMs: performance.now() - startMs };
}
