import { isUtf8 } from "node:buffer";
import type { Queryable } from "../pool.ts";
import {
  letterId,
  type DeadLetterReason,
  type DeadLetterState,
  type LetterPlace,
} from "../../model/dead-letter.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeNumberCursor, pageOf, type Page, type PageRequest } from "../catalog/page.ts";

/** A dead letter as people see it. */
export interface KeptLetter {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  /** A log's offsets may not fit a number of JSON. */
  readonly offset: string;
  /** null: the whole record */
  readonly ordinal: number | null;
  readonly appendedAt: string;
  readonly reason: DeadLetterReason;
  readonly message: string;
  /** As it came; `isTruncated` when not all of it was kept. */
  readonly bytes: number;
  readonly isTruncated: boolean;
  readonly state: DeadLetterState;
  readonly handledAt: string | null;
  /** Id of the credential. */
  readonly handledBy: string | null;
}

/** A letter with what came. */
export interface LetterContent {
  readonly letter: KeptLetter;
  readonly place: LetterPlace;
  /** Grows: where a walk through the letters goes on. */
  readonly sequence: bigint;
  readonly raw: Buffer;
}

export interface LetterFilter {
  readonly reason?: DeadLetterReason | undefined;
  readonly state?: DeadLetterState | undefined;
  /** By append time, inclusive. */
  readonly fromMs?: number | undefined;
}

export interface LetterCount {
  readonly reason: DeadLetterReason;
  readonly open: number;
  readonly replayed: number;
  readonly discarded: number;
  /** Taken away by retention, in whatever state. */
  readonly removed: number;
}

export interface LetterRow {
  readonly id: bigint;
  readonly topic: string;
  readonly partition: number;
  readonly record_offset: bigint;
  readonly log_ref: bigint;
  readonly ordinal: number | null;
  readonly appended_at: Date;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly raw_bytes: number;
  readonly kept_bytes: number;
  readonly state: DeadLetterState;
  readonly handled_at: Date | null;
  readonly handled_by: string | null;
}

export const LETTER_COLUMNS = `id, topic, partition, record_offset, log_ref, ordinal, appended_at, reason, message, raw_bytes,
  octet_length(raw) as kept_bytes, state, handled_at, handled_by`;

/** $1 tenant, $2 reason, $3 state, $4 from */
const MATCHES = `tenant = $1 and ($2::text is null or reason = $2) and ($3::text is null or state = $3)
  and ($4::float8 is null or appended_at >= to_timestamp($4))`;

function filterValues(tenant: TenantId, { reason, state, fromMs }: LetterFilter) {
  return [tenant, reason ?? null, state ?? null, fromMs === undefined ? null : fromMs / 1000];
}

/** Newest first. */
export async function listDeadLetters(
  db: Queryable,
  tenant: TenantId,
  { limit, cursor, ...filter }: LetterFilter & PageRequest,
): Promise<Page<KeptLetter>> {
  const { rows } = await db.query<LetterRow>(
    `select ${LETTER_COLUMNS} from millwright.dead_letter
      where ${MATCHES} and ($5::bigint is null or id < $5) order by id desc limit $6`,
    [...filterValues(tenant, filter), decodeNumberCursor(cursor), limit + 1],
  );
  const { items, nextCursor } = pageOf(rows, limit, ({ id }) => [String(id)]);
  return { items: items.map(keptLetter), nextCursor };
}

/** Those of the places that there are, with what came. @param places - few: each may bring 64 KiB */
export async function readDeadLetters(
  db: Queryable,
  tenant: TenantId,
  places: readonly LetterPlace[],
): Promise<readonly LetterContent[]> {
  const { rows } = await db.query<LetterRow & { readonly raw: Buffer }>(
    `select ${LETTER_COLUMNS}, raw from millwright.dead_letter where ${isOneOf("$1", "$2", "$3")} order by id`,
    [tenant, ...placeValues(places)],
  );
  return rows.map(contentOf);
}

/** The oldest open letters that match, with what came. */
export async function oldestOpenLetters(
  db: Queryable,
  tenant: TenantId,
  filter: LetterFilter,
  { after, limit }: { readonly after: bigint; readonly limit: number },
): Promise<readonly LetterContent[]> {
  const { rows } = await db.query<LetterRow & { readonly raw: Buffer }>(
    `select ${LETTER_COLUMNS}, raw from millwright.dead_letter
      where ${MATCHES} and id > $5 order by id limit $6`,
    [...filterValues(tenant, { ...filter, state: "open" }), after, limit],
  );
  return rows.map(contentOf);
}

/** By reason; reasons that never came are left out. */
export async function countDeadLetters(db: Queryable, tenant: TenantId): Promise<readonly LetterCount[]> {
  const { rows } = await db.query<LetterCount>(
    `select reason, sum(open)::float8 as open, sum(replayed)::float8 as replayed, sum(discarded)::float8 as discarded,
            sum(removed)::float8 as removed
       from (select reason, count(*) filter (where state = 'open') as open,
                    count(*) filter (where state = 'replayed') as replayed,
                    count(*) filter (where state = 'discarded') as discarded, 0 as removed
               from millwright.dead_letter where tenant = $1 group by reason
             union all
             select reason, 0, 0, 0, count from millwright.dead_letter_removed where tenant = $1) counts
      group by reason order by reason`,
    [tenant],
  );
  return rows;
}

export interface Handling {
  readonly state: Exclude<DeadLetterState, "open">;
  /** Id of the credential. */
  readonly by: string;
}

/** Marks those of the places that are open, and answers how many. */
export async function markDeadLetters(
  db: Queryable,
  tenant: TenantId,
  places: readonly LetterPlace[],
  { state, by }: Handling,
): Promise<number> {
  const { rowCount } = await db.query(
    `update millwright.dead_letter set state = $4, handled_at = now(), handled_by = $5
      where ${isOneOf("$1", "$2", "$3")} and state = 'open'`,
    [tenant, ...placeValues(places), state, by],
  );
  return rowCount ?? 0;
}

/** Marks up to `limit` open letters that match, the oldest first, and answers how many. */
export async function markMatching(
  db: Queryable,
  tenant: TenantId,
  { limit, ...filter }: LetterFilter & { readonly limit: number },
  { state, by }: Handling,
): Promise<number> {
  const { rowCount } = await db.query(
    `update millwright.dead_letter set state = $6, handled_at = now(), handled_by = $7
      where state = 'open' and id in
            (select id from millwright.dead_letter where ${MATCHES} order by id limit $5)`,
    [...filterValues(tenant, { ...filter, state: "open" }), limit, state, by],
  );
  return rowCount ?? 0;
}

const isOneOf = (tenant: string, refs: string, ordinals: string) =>
  // -1 for none: NULL equals nothing
  `tenant = ${tenant} and (log_ref, coalesce(ordinal, -1)) in
     (select * from unnest(${refs}::bigint[], ${ordinals}::int[]))`;

function placeValues(places: readonly LetterPlace[]) {
  return [places.map(({ logRef }) => logRef), places.map(({ ordinal }) => ordinal ?? -1)];
}

function placeOf({ log_ref: logRef, ordinal }: Pick<LetterRow, "log_ref" | "ordinal">): LetterPlace {
  return { logRef, ordinal: ordinal ?? undefined };
}

export function contentOf(row: LetterRow & { readonly raw: Buffer }): LetterContent {
  return { letter: keptLetter(row), place: placeOf(row), sequence: row.id, raw: row.raw };
}

/** A letter as JSON shows it, with what came. */
export function shownLetter({ letter, raw }: Pick<LetterContent, "letter" | "raw">) {
  const encoding = isUtf8(raw) ? "utf8" : "base64";
  return { ...letter, raw: raw.toString(encoding), encoding };
}

function keptLetter(row: LetterRow): KeptLetter {
  return {
    id: letterId(placeOf(row)),
    ...{
      topic: row.topic,
      partition: row.partition,
      offset: String(row.record_offset),
      ordinal: row.ordinal,
    },
    ...{ appendedAt: row.appended_at.toISOString(), reason: row.reason, message: row.message },
    ...{ bytes: row.raw_bytes, isTruncated: row.kept_bytes < row.raw_bytes, state: row.state },
    ...{ handledAt: row.handled_at?.toISOString() ?? null, handledBy: row.handled_by },
  };
}
