import type { BillLine } from "../../model/cost/bill.ts";
import type { Tier } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { inTransaction } from "../pool.ts";
import type pg from "pg";

/** The name of the platform's own stack in the records of cost. */
const PLATFORM_STACK = "platform";

/** What stacks cost a month by standing there, at the prices of one book. */
export interface StackPrices {
  readonly region: string;
  /** Of the price book, `2026-11-20`. */
  readonly bookDate: string;
  readonly platform: readonly BillLine[];
  readonly tenant: Readonly<Record<Tier, readonly BillLine[]>>;
}

/** A stack that stood in a time that is asked about. */
export interface StandingStack {
  /** null: the platform's */
  readonly tenant: string | null;
  readonly since: Date | null;
  readonly fromAt: Date;
  /** null: it stands. */
  readonly untilAt: Date | null;
  readonly lines: readonly BillLine[];
  /** Of the platform's: how many tenants the shared cells had room for. */
  readonly places: number | null;
}

/**
 * Writes down what stands now: a stack that is new, another than before, or priced by another book begins a record, as does
 * the platform with other places in its shared cells; what is gone or changed ends one. A tenant that moves has a server of its own from when that is chosen until it is taken away.
 * @returns how many records have begun or ended
 */
export function followStacks(service: pg.Pool, prices: StackPrices): Promise<number> {
  return inTransaction(service, async (tx) => {
    // One at a time: two processes of a release would else both begin the same record.
    await tx.query("select pg_advisory_xact_lock(hashtext('millwright.stack-cost'))");
    const parameters = [
      ...[JSON.stringify(prices.platform), JSON.stringify(prices.tenant), prices.region, prices.bookDate],
    ];
    const ended = await tx.query(
      `${STANDING} update stack_cost c set until_at = greatest(from_at, now()) where until_at is null and not exists (
         select from standing s where s.stack = c.stack and s.since is not distinct from c.since
            and s.tier is not distinct from c.tier and s.lines = c.lines
            and s.places is not distinct from c.places and c.region = $3 and c.book_date = $4::date)`,
      parameters,
    );
    const begun = await tx.query(
      `${STANDING} insert into stack_cost (stack, about_tenant, since, tier, region, book_date, lines, places)
       select stack, tenant, since, tier, $3, $4::date, lines, places from standing
       on conflict (stack) where until_at is null do nothing`,
      parameters,
    );
    return (ended.rowCount ?? 0) + (begun.rowCount ?? 0);
  });
}

const STANDING = `with standing as (
  select '${PLATFORM_STACK}' as stack, null::text as tenant, null::timestamptz(3) as since, null::text as tier, $1::jsonb as lines,
         (select coalesce(sum(tenant_capacity), 0) from cell where tier = 'shared')::int as places
  union all
  select 'tenant-' || tenant, tenant, since, tier, $2::jsonb -> tier, null
    from (select t.tenant, t.created_at::timestamptz(3) as since,
                 case when t.tier = 'dedicated' or exists (
                   select from tenant_move m where m.tenant = t.tenant and m.target_cell is not null
                      and m.state not in ('finished', 'abandoned') and 'dedicated' in (m.source_tier, m.target_tier))
                 then 'dedicated' else 'shared' end as tier
            from tenant t join tenant_placement p using (tenant) where p.has_stack) t)`;

/** Ends the records of a tenant in the transaction that deletes it. */
export async function endStackCost(tx: Queryable, tenant: string): Promise<void> {
  await tx.query(
    "update stack_cost set until_at = greatest(from_at, now()) where about_tenant = $1 and until_at is null",
    [tenant],
  );
}

/** What stood at any time of `[fromMs, toMs)`. */
export async function stacksBetween(
  service: Queryable,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<readonly StandingStack[]> {
  const { rows } = await service.query<StandingStack>(
    `select about_tenant as tenant, since, from_at as "fromAt", until_at as "untilAt", lines, places from stack_cost
      where from_at < to_timestamp($2) and (until_at is null or until_at > to_timestamp($1))
      order by stack, from_at`,
    [fromMs / 1000, toMs / 1000],
  );
  return rows;
}

/** Since when costs are recorded; undefined: not yet. */
export async function firstStackMs(service: Queryable): Promise<number | undefined> {
  const { rows } = await service.query<{ ms: number | null }>(
    "select extract(epoch from min(from_at))::float8 * 1000 as ms from stack_cost",
  );
  return rows[0]?.ms ?? undefined;
}
