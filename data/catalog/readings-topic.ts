import type pg from "pg";

/** Topics of all tenants' readings, for consumers that follow every tenant. */
export async function readingsTopics(pool: pg.Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ topic: string }>(
    "select topic from topic where stream = 'readings' order by topic",
  );
  return rows.map(({ topic }) => topic);
}
