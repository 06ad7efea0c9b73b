import type { ClientBase } from "pg";
import { DEAD_LETTER_DAYS } from "../../model/dead-letter.ts";
import { isNotFrozen } from "./freeze.ts";

/** Of one tenant, rows included: some million readings with a wrong clock. The oldest go first. */
const MAX_BYTES = 256 * 2 ** 20;
const ROW_BYTES = 200;
/** One statement takes well under a second. */
const ROWS_AT_ONCE = 10_000;

/** Takes away letters that are old, or of a tenant that has too many, counts them by reason, and answers how many. */
export async function removeDeadLetters(client: ClientBase, maxBytes = MAX_BYTES): Promise<number> {
  const { rows } = await client.query<{ tenant: string; last_id: bigint }>(
    `select tenant, max(id) as last_id
       from (select tenant, id, kept_at,
                    sum(octet_length(raw) + $3::int) over (partition by tenant order by id desc) as bytes
               from millwright.dead_letter where ${isNotFrozen("dead_letter.tenant")}) sized
      where kept_at < now() - make_interval(days => $1) or bytes > $2::bigint
      group by tenant`,
    [DEAD_LETTER_DAYS, maxBytes, ROW_BYTES],
  );
  let removedCount = 0;
  for (const { tenant, last_id: lastId } of rows) {
    let count: number;
    do {
      count = await removeSome(client, tenant, lastId);
      removedCount += count;
    } while (count === ROWS_AT_ONCE);
  }
  return removedCount;
}

async function removeSome(client: ClientBase, tenant: string, lastId: bigint): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `with removed as (
       delete from millwright.dead_letter where id in
         (select id from millwright.dead_letter where tenant = $1 and id <= $2 order by id limit $3)
       returning tenant, reason),
     counted as (
       insert into millwright.dead_letter_removed as known (tenant, reason, count)
       select tenant, reason, count(*) from removed group by tenant, reason
       on conflict (tenant, reason) do update set count = known.count + excluded.count)
     select count(*)::int from removed`,
    [tenant, lastId, ROWS_AT_ONCE],
  );
  return rows[0]?.count ?? 0;
}
