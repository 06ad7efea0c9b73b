import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { contentOf, LETTER_COLUMNS, type LetterContent, type LetterRow } from "./kept-dead-letter.ts";

/** Tenants at home in this cell that have letters to export: a shadow never exports (PROTOCOLS §2). */
export async function tenantsToExport(db: Queryable): Promise<readonly TenantId[]> {
  const { rows } = await db.query<{ tenant: TenantId }>({
    name: "tenants-to-export",
    text: `select tenant from millwright.fence f
            where role = 'primary'
              and exists (select from millwright.dead_letter d where d.tenant = f.tenant and not d.is_exported)`,
  });
  return rows.map(({ tenant }) => tenant);
}

/** Those that the tenant's topic does not have, oldest first. @param limit - small: each may bring 64 KiB */
export async function unexportedLetters(
  db: Queryable,
  tenant: TenantId,
  limit: number,
): Promise<readonly LetterContent[]> {
  const { rows } = await db.query<LetterRow & { readonly raw: Buffer }>(
    `select ${LETTER_COLUMNS}, raw from millwright.dead_letter
      where tenant = $1 and not is_exported order by id limit $2`,
    [tenant, limit],
  );
  return rows.map(contentOf);
}

/** They are in the log. */
export async function markExported(
  db: Queryable,
  letters: readonly Pick<LetterContent, "sequence">[],
): Promise<void> {
  await db.query("update millwright.dead_letter set is_exported = true where id = any($1::bigint[])", [
    letters.map(({ sequence }) => sequence),
  ]);
}
