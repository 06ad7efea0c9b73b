import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import type { Queryable } from "../../pool.ts";
import { SERIES_TABLES, type SeriesColumn } from "../series-tables.ts";

interface Relation {
  readonly name: string;
  readonly columns: readonly SeriesColumn[];
}

/**
 * In what a tenant's schema differs from what is made today: a move would leave behind what nobody knows here, and its copy
 * would break at a column that is gone. The order of columns may differ: an older table got its newer columns at the end.
 * @returns one sentence for each difference
 */
export async function schemaDrift(db: Queryable, tenant: TenantId): Promise<readonly string[]> {
  const { rows } = await db.query<Relation>(
    `select c.relname as name,
            coalesce(jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, atttypmod),
                                                  'isRequired', attnotnull) order by attnum)
                     filter (where attname is not null), '[]') as columns
       from pg_class c left join pg_attribute on attrelid = c.oid and attnum > 0 and not attisdropped
      where relnamespace = to_regnamespace($1) and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition
      group by c.relname order by c.relname`,
    [tenantNames(tenant).schema],
  );
  const there = new Map(rows.map(({ name, columns }) => [name, columns]));
  const ours = new Set(SERIES_TABLES.map(({ name }) => name));
  return [
    ...SERIES_TABLES.flatMap(({ name, columns }) => {
      const found = there.get(name);
      return found === undefined ? [`The table ${name} is missing.`] : columnDrift(name, columns, found);
    }),
    ...rows.filter(({ name }) => !ours.has(name)).map(({ name }) => `${name} is no table of the platform.`),
  ];
}

function columnDrift(
  table: string,
  wanted: readonly SeriesColumn[],
  found: readonly SeriesColumn[],
): readonly string[] {
  const there = new Map(found.map((column) => [column.name, column]));
  const names = new Set(wanted.map(({ name }) => name));
  return [
    ...wanted.flatMap((column) => {
      const other = there.get(column.name);
      if (other === undefined) return [`${table} has lost its column ${column.name}.`];
      const [is, was] = [kindOf(other), kindOf(column)];
      return is === was ? [] : [`${table}.${column.name} is ${is}, not ${was}.`];
    }),
    ...found
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => `${table} has one more column, ${name}.`),
  ];
}

const kindOf = ({ type, isRequired }: SeriesColumn) => `${type}${isRequired ? " not null" : ""}`;
