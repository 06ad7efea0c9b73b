import type { Pool } from "pg";

/** A part of the log is copied in well under a second. */
const STALLED_MS = 10_000;

/**
 * Ends sessions of our login whose COPY still waits for its client: a process that was stopped with part of its rows on
 * the way. While a COPY reads, PostgreSQL heeds neither `statement_timeout` nor a request to cancel, and the session is
 * not idle; the positions that it has locked would keep everybody out for as long as the process is stopped.
 */
export async function endStalledCopies(pool: Pool): Promise<void> {
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where usename = current_user and state = 'active' and wait_event = 'ClientRead'
        and query_start < clock_timestamp() - $1 * interval '1 ms'`,
    [STALLED_MS],
  );
}
