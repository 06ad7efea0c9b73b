import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** How many dead letters a tenant has. */
export interface LetterLoad {
  readonly tenant: TenantId;
  /** Kept within the window, handled or not. */
  readonly recentCount: number;
  readonly openCount: number;
}

/** Of every tenant that is at home in this cell: a shadow's letters are counted where it is. */
export async function deadLetterLoad(db: Queryable, windowMs: number): Promise<readonly LetterLoad[]> {
  const { rows } = await db.query<LetterLoad>(
    `select f.tenant, coalesce(recent.count, 0)::float8 as "recentCount", coalesce(open.count, 0)::float8 as "openCount"
       from millwright.fence f
       left join (select tenant, count(*) from millwright.dead_letter
                   where kept_at > now() - $1 * interval '1 ms' group by tenant) recent using (tenant)
       left join (select tenant, count(*) from millwright.dead_letter
                   where state = 'open' group by tenant) open using (tenant)
      where f.role = 'primary' order by f.tenant`,
    [windowMs],
  );
  return rows;
}
