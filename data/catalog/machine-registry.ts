import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import { CHANGE_DELAY_MS, type UnknownMachines } from "../../model/machine-history.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { decodeCursor, type PageRequest } from "./page.ts";

/** More, and what a consumer keeps of a tenant that refuses unknown machines (about 200 bytes each) is too much. */
export const MAX_MACHINES_PER_TENANT = 100_000;

export interface RegisteredMachine {
  readonly machineId: string;
  /** From this append time on its readings are taken, whatever the policy. */
  readonly registeredFrom: string;
}

export interface MachinePolicy {
  readonly unknownMachines: UnknownMachines;
  /** null: it has never been another */
  readonly validFrom: string | null;
}

interface RegistrationRow {
  readonly machine_id: string;
  readonly valid_from: Date;
}

/**
 * Changes exclude each other, and reads for a consumer's copy exclude changes: so a copy read at L lacks no change made
 * before L, however long its transaction took. One lock for all tenants, held for some milliseconds.
 */
export async function lockMachines(tx: pg.ClientBase, mode: "shared" | "exclusive"): Promise<void> {
  const suffix = mode === "shared" ? "_shared" : "";
  await tx.query(`select pg_advisory_xact_lock${suffix}(hashtext('millwright.machines'))`);
}

/**
 * Begins a change; the lock is held until the transaction ends, so this comes last before its writes.
 * @returns from when the change is valid, by the catalog's clock
 */
async function beginChange(tx: pg.ClientBase, tenant: TenantId): Promise<Date> {
  // a process that hangs here would stop every consumer: the server ends it
  await tx.query("set local idle_in_transaction_session_timeout = '2s'; set local statement_timeout = '5s'");
  await lockMachines(tx, "exclusive");
  await tx.query(
    `insert into machine_revision as r values ($1, 1)
     on conflict (tenant) do update set revision = r.revision + 1`,
    [tenant],
  );
  const { rows } = await tx.query<{ validFrom: Date }>(
    `select (clock_timestamp() + make_interval(secs => $1))::timestamptz(3) as "validFrom"`,
    [CHANGE_DELAY_MS / 1_000],
  );
  if (rows[0] === undefined) throw new RangeError("a query of one row answered none");
  return rows[0].validFrom;
}

/** Machines that are registered already stay as they are. @throws MillwrightError `limit-reached` */
export async function registerMachines(
  tx: pg.ClientBase,
  tenant: TenantId,
  machineIds: readonly string[],
): Promise<readonly RegisteredMachine[]> {
  const validFrom = await beginChange(tx, tenant);
  await openRegistrations(tx, tenant, machineIds, validFrom);
  await expectRoom(tx, tenant);
  const { rows } = await tx.query<RegistrationRow>(
    `select machine_id, valid_from from machine_registration
      where tenant = $1 and machine_id = any($2) and valid_to is null order by machine_id`,
    [tenant, machineIds],
  );
  return rows.map(toMachine);
}

/** Idempotent. One that has only reported is not registered by a later {@link refuseUnknownMachines} either. */
export async function removeMachine(tx: pg.ClientBase, tenant: TenantId, machineId: string): Promise<void> {
  const validTo = await beginChange(tx, tenant);
  // registered within the last seconds: from later than now, to the same instant or later
  const { rowCount } = await tx.query(
    `update machine_registration set valid_to = $3 where tenant = $1 and machine_id = $2 and valid_to is null`,
    [tenant, machineId, validTo],
  );
  if (rowCount === 1) return;
  await tx.query(
    `insert into machine_registration (tenant, machine_id, valid_from, valid_to) select $1, $2, $3, $3
      where not exists (select from machine_registration where tenant = $1 and machine_id = $2)`,
    [tenant, machineId, validTo],
  );
}

/**
 * From now on unknown machines are refused. Those that have reported while they were not are registered with it, but
 * for those that somebody has removed. @throws MillwrightError `limit-reached`
 */
export async function refuseUnknownMachines(
  tx: pg.ClientBase,
  tenant: TenantId,
  reported: readonly string[],
): Promise<MachinePolicy> {
  const validFrom = await beginChange(tx, tenant);
  const { rowCount } = await tx.query(
    "insert into machine_refusal (tenant, valid_from) values ($1, $2) on conflict do nothing",
    [tenant, validFrom],
  );
  if (rowCount === 1) {
    const { rows } = await tx.query<{ machine_id: string }>(
      `select machine_id from unnest($2::text[]) as reported (machine_id)
        where not exists (select from machine_registration r
                           where r.tenant = $1 and r.machine_id = reported.machine_id)`,
      [tenant, reported],
    );
    const machineIds = rows.map(({ machine_id: machineId }) => machineId);
    await openRegistrations(tx, tenant, machineIds, validFrom);
    await expectRoom(tx, tenant);
  }
  return machinePolicy(tx, tenant);
}

/** From now on every machine's readings are taken. */
export async function registerUnknownMachines(tx: pg.ClientBase, tenant: TenantId): Promise<MachinePolicy> {
  const validTo = await beginChange(tx, tenant);
  await tx.query("update machine_refusal set valid_to = $2 where tenant = $1 and valid_to is null", [
    tenant,
    validTo,
  ]);
  return machinePolicy(tx, tenant);
}

/** For a tenant that is being made: it has no topic yet, so nobody has a copy of what was valid before. */
export async function refuseFromTheBeginning(db: Queryable, tenant: TenantId): Promise<void> {
  await db.query("insert into machine_refusal (tenant, valid_from) values ($1, 'epoch')", [tenant]);
  await db.query("insert into machine_revision values ($1, 1)", [tenant]);
}

/** Registered ones, by id. @returns one more than the limit where there is more */
export async function listRegistered(
  tx: pg.ClientBase,
  tenant: TenantId,
  { limit, cursor }: PageRequest,
): Promise<readonly RegisteredMachine[]> {
  const { rows } = await tx.query<RegistrationRow>(
    `select machine_id, valid_from from machine_registration
      where tenant = $1 and valid_to is null and ($2::text is null or machine_id > $2)
      order by machine_id limit $3`,
    [tenant, ...decodeCursor(cursor, 1), limit + 1],
  );
  return rows.map(toMachine);
}

async function openRegistrations(
  tx: pg.ClientBase,
  tenant: TenantId,
  machineIds: readonly string[],
  validFrom: Date,
): Promise<void> {
  await tx.query(
    `insert into machine_registration (tenant, machine_id, valid_from)
     select distinct $1, machine_id, $3::timestamptz from unnest($2::text[]) as m (machine_id)
     on conflict do nothing`,
    [tenant, machineIds, validFrom],
  );
}

async function machinePolicy(tx: pg.ClientBase, tenant: TenantId): Promise<MachinePolicy> {
  const { rows } = await tx.query<{ valid_from: Date; valid_to: Date | null }>(
    `select valid_from, valid_to from machine_refusal where tenant = $1
      order by valid_to desc nulls first, valid_from desc limit 1`,
    [tenant],
  );
  const [last] = rows;
  if (last === undefined) return { unknownMachines: "register", validFrom: null };
  return last.valid_to === null
    ? { unknownMachines: "refuse", validFrom: last.valid_from.toISOString() }
    : { unknownMachines: "register", validFrom: last.valid_to.toISOString() };
}

/** Changes exclude each other, so the count is the truth. */
async function expectRoom(tx: pg.ClientBase, tenant: TenantId): Promise<void> {
  const { rows } = await tx.query<{ count: bigint }>(
    "select count(*) from machine_registration where tenant = $1 and valid_to is null",
    [tenant],
  );
  if ((rows[0]?.count ?? 0n) <= BigInt(MAX_MACHINES_PER_TENANT)) return;
  const message = `A tenant has ${MAX_MACHINES_PER_TENANT} registered machines at most; remove some first.`;
  throw new MillwrightError("limit-reached", message);
}

function toMachine({ machine_id: machineId, valid_from: validFrom }: RegistrationRow): RegisteredMachine {
  return { machineId, registeredFrom: validFrom.toISOString() };
}
