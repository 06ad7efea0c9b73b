import type pg from "pg";
import { openPool } from "../pool.ts";
import { cellAddress, type CellSecret } from "./cell-secret.ts";

/** Longer than any healthy batch; a statement that hangs on a lock must not hold a tenant's lock for ever. */
const INGEST_STATEMENT_TIMEOUT_MS = 30_000;
const QUERY_STATEMENT_TIMEOUT_MS = 15_000;

/**
 * Connections that store readings in one cell.
 * @param password - what the login's is now, where the pool stays open while it is changed
 */
export function openIngestPool(
  secret: CellSecret,
  applicationName: string,
  password?: () => Promise<string>,
): pg.Pool {
  return openPool(cellAddress(secret, "ingest"), {
    applicationName,
    ...(password === undefined ? {} : { password }),
    max: 4,
    statementTimeoutMs: INGEST_STATEMENT_TIMEOUT_MS,
  });
}

/** Connections that read tenants' readings in one cell; useless until they `set role` to a tenant's reader. */
export function openQueryPool(secret: CellSecret, applicationName: string): pg.Pool {
  return openPool(cellAddress(secret, "query"), {
    applicationName,
    max: 8,
    statementTimeoutMs: QUERY_STATEMENT_TIMEOUT_MS,
  });
}
