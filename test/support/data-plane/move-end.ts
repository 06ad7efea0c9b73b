import { isFinished, type OperationStatus } from "../../../model/operation.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole } from "../cell.ts";
import { eventually } from "../eventually.ts";
import type { MovePlane } from "./move-faults.ts";
import type { PlaneCell, PlaneTenant } from "./plane.ts";

export type MoveOutcome = "moved" | "not moved";

/** Where a move's operation and its tenant's placement are, in words, and how it has ended when it has. */
interface MoveState {
  readonly said: string;
  readonly status: OperationStatus;
  readonly outcome: MoveOutcome | undefined;
}

interface MoveEnd {
  readonly outcome: MoveOutcome;
  readonly status: OperationStatus;
}

/** Waits for the end of the operation, and of its flip. @throws Error that says where they still are */
export async function endOfMove(
  movePlane: MovePlane,
  tenant: PlaneTenant,
  operation: string,
  limitMs: number,
): Promise<MoveEnd> {
  let last: MoveState | undefined;
  const look = async () => {
    last = await moveState(movePlane, tenant.tenant, operation);
    const { outcome, status } = last;
    return outcome !== undefined && { outcome, status };
  };
  return eventually("the end of the move", look, limitMs).catch(async (cause: unknown) => {
    const { plane, target } = movePlane;
    const stored = await Promise.all([plane.firstCell, target].map((cell) => storedIn(cell, tenant)));
    const standing = `the cells have stored ${stored.join(" and ")} of ${await plane.logEnd(tenant)} records`;
    throw new Error(`the move has not ended after ${limitMs / 1_000} s: ${last?.said}; ${standing}`, {
      cause,
    });
  });
}

/** Grows with every record that the cell has dealt with. */
export async function storedIn({ secret }: PlaneCell, { tenant }: PlaneTenant): Promise<bigint> {
  return asCellRole(secret, "admin", async (client) => {
    const { rows } = await client.query<{ sum: bigint }>(
      "select coalesce(sum(next_offset), 0)::bigint as sum from millwright.log_position where tenant = $1",
      [tenant],
    );
    return rows[0]?.sum ?? 0n;
  });
}

/** Whether the move has begun to take its target away, or has ended. */
export async function hasGivenUp({ plane }: MovePlane, operation: string): Promise<boolean> {
  const { rowCount } = await plane.catalog.service.query(
    `select from operation o where operation = $1 and (status not in ('queued', 'running') or exists (
       select from operation_step s where s.operation = o.operation and s.status in ('failed', 'cancelled')))`,
    [operation],
  );
  return rowCount === 1;
}

async function moveState(
  { plane, target }: MovePlane,
  tenant: TenantId,
  operation: string,
): Promise<MoveState> {
  const { rows } = await plane.catalog.service.query<{
    status: OperationStatus;
    steps: string | null;
    cell: string;
    is_at_rest: boolean;
    placement: string;
  }>(
    `select o.status, p.cell, p.state = 'stable' and p.flip_source is null as is_at_rest, row_to_json(p)::text as placement,
            (select string_agg(concat(name, ' ', s.status, ' (', attempts, ')'), ', ' order by ordinal)
               from operation_step s where s.operation = o.operation and s.status <> 'succeeded') as steps
       from operation o join tenant_placement p using (tenant) where operation = $1 and tenant = $2`,
    [operation, tenant],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no operation ${operation} of ${tenant}`);
  const { status, steps, cell, is_at_rest, placement } = row;
  const hasEnded = isFinished(status) && is_at_rest;
  return {
    ...{ status, said: `it is ${status}; steps: ${steps}; placement ${placement}` },
    outcome: hasEnded ? (cell === target.name ? "moved" : "not moved") : undefined,
  };
}

/** What is neither as before the move nor as after it: of the tenant, of its home and of the other cell. */
export async function betweenFindings(
  { plane, target }: MovePlane,
  tenant: TenantId,
  outcome: MoveOutcome,
): Promise<string[]> {
  const [home, other] =
    outcome === "moved" ? [target, plane.firstCell] : ([plane.firstCell, target] as const);
  const { rows } = await plane.catalog.service.query<{ state: string; epoch: bigint; shadows: string[] }>(
    `select t.state, p.epoch, array(select cell from shadow s where s.tenant = t.tenant) as shadows
       from tenant t join tenant_placement p using (tenant) where tenant = $1`,
    [tenant],
  );
  const [{ state, epoch, shadows } = { state: "gone", epoch: 0n, shadows: [] }] = rows;
  const found: string[] = [];
  if (state !== "ready") found.push(`the tenant is ${state}`);
  const wanted = outcome === "moved" ? [other.name] : [];
  if (shadows.join() !== wanted.join()) found.push(`shadows are ${shadows.join()}, not ${wanted.join()}`);
  const fence = await fenceOf(home, tenant);
  if (fence !== `primary, open, epoch ${epoch}`)
    found.push(`the fence at home is ${fence}, and the placement's epoch ${epoch}`);
  if (outcome === "moved") {
    const left = await fenceOf(other, tenant);
    if (left !== `shadow, open, epoch ${epoch}`) found.push(`the fence of the cell that was left is ${left}`);
    return found;
  }
  found.push(...(await remains(other, tenant)).map((what) => `${what} is left in the target`));
  if ((await tablesWith(home, tenant)).includes("frozen_tenant")) found.push("the tenant is frozen at home");
  return found;
}

async function fenceOf({ secret }: PlaneCell, tenant: TenantId): Promise<string> {
  return asCellRole(secret, "admin", async (client) => {
    const { rows } = await client.query<{ said: string }>(
      `select concat(role, case when is_closed then ', closed' else ', open' end, ', epoch ', epoch) as said
         from millwright.fence where tenant = $1`,
      [tenant],
    );
    return rows[0]?.said ?? "missing";
  });
}

/** Tables of the cell's own schema with rows of the tenant, and the tenant's schema. */
async function remains(cell: PlaneCell, tenant: TenantId): Promise<string[]> {
  const { schema } = tenantNames(tenant);
  const schemas = await asCellRole(cell.secret, "admin", (client) =>
    client.query("select from pg_namespace where nspname = $1", [schema]),
  );
  const tables = await tablesWith(cell, tenant);
  return schemas.rowCount === 0 ? tables : [...tables, `schema ${schema}`];
}

/** Asked of the database, not of the product's list, on which a table may be missing. */
async function tablesWith({ secret }: PlaneCell, tenant: TenantId): Promise<string[]> {
  return asCellRole(secret, "admin", async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select table_name as name from information_schema.columns c join information_schema.tables t
              using (table_schema, table_name)
        where table_schema = 'millwright' and column_name = 'tenant' and table_type = 'BASE TABLE'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rowCount } = await client.query(`select from millwright.${name} where tenant = $1 limit 1`, [
        tenant,
      ]);
      if (rowCount === 1) found.push(name);
    }
    return found;
  });
}
