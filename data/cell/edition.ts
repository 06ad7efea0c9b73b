import type { Queryable } from "../pool.ts";

/** The ladder of editions: the same tables, names and results on each rung. */
export type Rung = "timescaledb-community" | "timescaledb-apache" | "plain";

/** What a cell's server is. */
export interface Edition {
  readonly rung: Rung;
  readonly postgresVersion: string;
  /** undefined on plain PostgreSQL */
  readonly timescaleVersion: string | undefined;
}

export async function readEdition(db: Queryable): Promise<Edition> {
  const { rows } = await db.query<{ postgres: string; timescale: string | null; license: string | null }>(
    `select split_part(current_setting('server_version'), ' ', 1) as postgres,
            (select extversion from pg_extension where extname = 'timescaledb') as timescale,
            current_setting('timescaledb.license', true) as license`,
  );
  const { postgres = "", timescale = null, license = null } = rows[0] ?? {};
  const facts = { postgresVersion: postgres, timescaleVersion: timescale ?? undefined };
  if (timescale === null) return { rung: "plain", ...facts };
  return { rung: license === "timescale" ? "timescaledb-community" : "timescaledb-apache", ...facts };
}
