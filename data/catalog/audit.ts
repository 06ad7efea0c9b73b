import type { Queryable } from "../pool.ts";
import { decodeNumberCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** Who did what, from where, with what result. */
export interface AuditEntry {
  /** Id of the credential, never its secret. */
  readonly actor: string;
  readonly role: string;
  /** Network address of the caller; null for what the platform does by itself. */
  readonly from: string | null;
  /** Noun and verb: `operation.create`, `key.revoke`. */
  readonly action: string;
  readonly tenant: string | null;
  /** Id of the thing that was acted on. */
  readonly subject: string | null;
  readonly result: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditRecord extends AuditEntry {
  readonly id: number;
  readonly at: string;
  /** SHA-256 in hex over the record before and this one. */
  readonly hash: string;
}

interface AuditRow extends Omit<AuditEntry, "detail"> {
  readonly entry: bigint;
  readonly at: Date;
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly hash: Buffer;
}

/**
 * Appends in the transaction of what it records, as its last statement: the chain's head stays locked until the commit.
 */
export async function appendAudit(tx: Queryable, entry: AuditEntry): Promise<void> {
  const { actor, role, from, action, tenant, subject, result, detail } = entry;
  await tx.query("select append_audit($1, $2, $3, $4, $5, $6, $7, $8)", [
    actor,
    role,
    from,
    action,
    tenant,
    subject,
    result,
    detail === undefined ? null : JSON.stringify(detail),
  ]);
}

/** Newest first. */
export async function listAudit(
  db: Queryable,
  { tenant, limit, cursor }: PageRequest & { readonly tenant?: string },
): Promise<Page<AuditRecord>> {
  const before = decodeNumberCursor(cursor);
  const { rows } = await db.query<AuditRow>(
    `select entry, at, actor, role, "from", action, tenant, subject, result, detail, hash from audit
      where ($1::text is null or tenant = $1) and ($2::bigint is null or entry < $2)
      order by entry desc limit $3`,
    [tenant ?? null, before, limit + 1],
  );
  return pageOf(rows.map(recordOf), limit, ({ id }) => [String(id)]);
}

export type AuditVerdict =
  | { readonly isIntact: true; readonly count: number }
  /** `brokenAt`: the first entry that was changed, removed, or no longer fits the one before */
  | { readonly isIntact: false; readonly brokenAt: number };

/** Computes the whole chain again. @param db - the service's pool: a tenant sees a part of the chain only */
export async function verifyAudit(db: Queryable): Promise<AuditVerdict> {
  // One statement, one snapshot: entries appended meanwhile are neither in the rows nor in the head.
  const { rows } = await db.query<{ broken: bigint | null; count: bigint; missing: boolean }>(
    `with chain as (
       select a.entry, a.hash,
              audit_hash(coalesce(lag(a.hash) over w, ''), audit_fields(a)) as expected,
              row_number() over w as position
         from audit a window w as (order by a.entry))
     select (select min(position) from chain where hash <> expected or entry <> position) as broken,
            (select count(*) from chain) as count,
            (select h.entry <> (select count(*) from chain)
                 or h.hash <> coalesce((select hash from chain order by entry desc limit 1), '')
               from audit_head h) as missing`,
  );
  const { broken, count, missing } = rows[0] ?? { broken: 1n, count: 0n, missing: true };
  if (broken !== null) return { isIntact: false, brokenAt: Number(broken) };
  if (missing) return { isIntact: false, brokenAt: Number(count) + 1 };
  return { isIntact: true, count: Number(count) };
}

function recordOf({ entry, at, hash, detail, ...rest }: AuditRow): AuditRecord {
  return {
    id: Number(entry),
    at: at.toISOString(),
    ...rest,
    ...(detail === null ? {} : { detail }),
    hash: hash.toString("hex"),
  };
}
