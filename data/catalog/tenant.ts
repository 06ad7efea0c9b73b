import { MillwrightError } from "../../model/errors.ts";
import type { UnknownMachines } from "../../model/machine-history.ts";
import type { TenantId, TenantState, Tier, TopicKind } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { refuseFromTheBeginning } from "./machine-registry.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** A tenant as the API shows it. */
export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly tier: Tier;
  readonly topic: TopicKind;
  readonly state: TenantState;
  /** null until the create has placed it */
  readonly placement: {
    readonly cell: string;
    readonly database: string;
    readonly schema: string;
    readonly epoch: number;
  } | null;
  readonly machines: number;
  /** As it was last set; see MachinePolicy for when that is valid. */
  readonly unknownMachines: UnknownMachines;
  readonly budgetUsdPerMonth: number | null;
  readonly contacts: readonly Contact[];
  readonly createdAt: string;
}

interface Contact {
  readonly email: string;
}

export interface NewTenant {
  readonly id: TenantId;
  readonly name: string;
  readonly tier: Tier;
  readonly machines: number;
  readonly budgetUsdPerMonth: number | null;
  readonly contacts: readonly Contact[];
  /** `own` when left out */
  readonly topic?: TopicKind | undefined;
  /** `register` when left out */
  readonly unknownMachines?: UnknownMachines;
}

/** What an update may change; a field that is left out stays. */
export type TenantChange = Partial<Omit<NewTenant, "id" | "tier" | "topic" | "unknownMachines">>;

interface TenantRow {
  readonly tenant: TenantId;
  readonly name: string;
  readonly tier: Tier;
  readonly topic: TopicKind;
  readonly state: TenantState;
  readonly machines: number;
  readonly refuses: boolean;
  readonly budget_usd_per_month: string | null;
  readonly contacts: readonly Contact[];
  readonly created_at: Date;
  readonly cell: string | null;
  readonly database: string;
  readonly schema: string;
  readonly epoch: bigint;
}

const SELECT = `select t.tenant, t.name, t.tier, t.topic, t.state, t.machines, t.budget_usd_per_month, t.contacts, t.created_at,
       exists (select from machine_refusal r where r.tenant = t.tenant and r.valid_to is null) as refuses, p.cell, p.database, p.schema, p.epoch
  from tenant t left join tenant_placement p using (tenant)`;

export async function findTenant(db: Queryable, tenant: TenantId): Promise<Tenant | undefined> {
  const { rows } = await db.query<TenantRow>(`${SELECT} where t.tenant = $1`, [tenant]);
  return rows.map(tenantOf)[0];
}

/** @throws MillwrightError `tenant-unknown` */
export async function getTenant(db: Queryable, tenant: TenantId): Promise<Tenant> {
  const found = await findTenant(db, tenant);
  if (found === undefined) throw tenantUnknown(tenant);
  return found;
}

/** By id. */
export async function listTenants(db: Queryable, { limit, cursor }: PageRequest): Promise<Page<Tenant>> {
  const [after] = decodeCursor(cursor, 1);
  const { rows } = await db.query<TenantRow>(
    `${SELECT} where $1::text is null or t.tenant > $1 order by t.tenant limit $2`,
    [after, limit + 1],
  );
  return pageOf(rows.map(tenantOf), limit, ({ id }) => [id]);
}

/** False when the id is taken. */
export async function addTenant(db: Queryable, tenant: NewTenant): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into tenant (tenant, name, tier, topic, state, machines, budget_usd_per_month, contacts)
     values ($1, $2, $3, $7, 'creating', $4, $5, $6) on conflict do nothing`,
    [
      tenant.id,
      tenant.name,
      tenant.tier,
      tenant.machines,
      tenant.budgetUsdPerMonth,
      JSON.stringify(tenant.contacts),
      tenant.topic ?? "own",
    ],
  );
  if (rowCount === 1 && tenant.unknownMachines === "refuse") await refuseFromTheBeginning(db, tenant.id);
  return rowCount === 1;
}

/**
 * The state of a tenant, its row locked: who decides on a new operation decides alone.
 * @throws MillwrightError `tenant-unknown`
 */
export async function lockTenant(tx: Queryable, tenant: TenantId): Promise<TenantState> {
  const { rows } = await tx.query<{ state: TenantState }>(
    "select state from tenant where tenant = $1 for update",
    [tenant],
  );
  if (rows[0] === undefined) throw tenantUnknown(tenant);
  return rows[0].state;
}

/**
 * Changes the state only where it is one of `from`: a delete that was asked for meanwhile is not forgotten.
 * @returns whether it changed
 */
export async function setTenantState(
  db: Queryable,
  tenant: TenantId,
  from: readonly TenantState[],
  to: TenantState,
): Promise<boolean> {
  const text = "update tenant set state = $3 where tenant = $1 and state = any($2)";
  const { rowCount } = await db.query(text, [tenant, from, to]);
  return rowCount === 1;
}

export async function changeTenant(db: Queryable, tenant: TenantId, change: TenantChange): Promise<void> {
  const { name, machines, budgetUsdPerMonth, contacts } = change;
  await db.query(
    `update tenant set name = coalesce($2, name), machines = coalesce($3, machines),
            contacts = coalesce($4, contacts),
            budget_usd_per_month = case when $5 then $6 else budget_usd_per_month end
      where tenant = $1`,
    [
      tenant,
      name ?? null,
      machines ?? null,
      contacts === undefined ? null : JSON.stringify(contacts),
      // null means "no budget", so "left out" needs a flag of its own
      budgetUsdPerMonth !== undefined,
      budgetUsdPerMonth ?? null,
    ],
  );
}

export async function changeTier(db: Queryable, tenant: TenantId, tier: Tier): Promise<void> {
  await db.query("update tenant set tier = $2 where tenant = $1 and tier <> $2", [tenant, tier]);
}

/** Until the transaction ends nobody else starts a dedicated tenant: the count below is then the truth. */
export async function lockDedicatedTenants(tx: Queryable): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtext('millwright.dedicated-tenants'))");
}

/** Tenants that have, or are about to have, a database of their own. */
export async function countDedicatedTenants(db: Queryable, except?: TenantId): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from tenant t where tenant is distinct from $1
        and (tier = 'dedicated' or exists (select from tenant_move m
              where m.tenant = t.tenant and m.state = 'moving' and m.target_tier = 'dedicated'))`,
    [except ?? null],
  );
  return rows[0]?.count ?? 0;
}

function tenantUnknown(tenant: TenantId): MillwrightError {
  return new MillwrightError("tenant-unknown", `There is no tenant ${tenant}.`);
}

function tenantOf(row: TenantRow): Tenant {
  const { cell, database, schema, epoch } = row;
  return {
    id: row.tenant,
    name: row.name,
    tier: row.tier,
    topic: row.topic,
    state: row.state,
    placement: cell === null ? null : { cell, database, schema, epoch: Number(epoch) },
    machines: row.machines,
    unknownMachines: row.refuses ? "refuse" : "register",
    budgetUsdPerMonth: row.budget_usd_per_month === null ? null : Number(row.budget_usd_per_month),
    contacts: row.contacts,
    createdAt: row.created_at.toISOString(),
  };
}
