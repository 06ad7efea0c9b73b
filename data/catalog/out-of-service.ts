import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { OutOfService } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { queueDeliveries } from "./delivery.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";
import { nextRevision } from "./rule-revision.ts";

/**
 * What people have taken out of service (ISA-18.2): its alerts are raised and return as ever, and nobody is told.
 * Put back, it speaks of the alerts that stand and that nobody has heard of.
 */
interface Taking {
  readonly by: string;
  readonly reason: string;
}

/** The first reason stays until it is put back. @throws MillwrightError `rule-unknown` */
export async function takeRuleOut(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  { by, reason }: Taking,
): Promise<void> {
  await nextRevision(tx, tenant);
  const { rowCount } = await tx.query(
    `update rule set out_of_service_by = case when out_of_service_at is null then $3 else out_of_service_by end,
                     out_of_service_reason = case when out_of_service_at is null then $4 else out_of_service_reason end,
                     out_of_service_at = coalesce(out_of_service_at, now())
      where tenant = $1 and rule = $2`,
    [tenant, id, by, reason],
  );
  if (rowCount === 0) throw new MillwrightError("rule-unknown", `There is no rule '${id}'.`);
}

/** @throws MillwrightError `rule-unknown` */
export async function putRuleBack(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  await nextRevision(tx, tenant);
  const { rowCount } = await tx.query(
    `update rule set out_of_service_at = null, out_of_service_by = null, out_of_service_reason = null
      where tenant = $1 and rule = $2`,
    [tenant, id],
  );
  if (rowCount === 0) throw new MillwrightError("rule-unknown", `There is no rule '${id}'.`);
  await announceStanding(tx, tenant, { rule: id });
}

export interface MachineOutOfService extends OutOfService {
  readonly machineId: string;
}

interface MachineRow {
  readonly machine_id: string;
  readonly since: Date;
  readonly set_by: string;
  readonly reason: string;
}

/** The first reason stays until it is put back. Any id will do: a machine may be expected that never reported. */
export async function takeMachineOut(
  tx: pg.ClientBase,
  tenant: TenantId,
  machineId: string,
  { by, reason }: Taking,
): Promise<MachineOutOfService> {
  await nextRevision(tx, tenant);
  const { rows } = await tx.query<MachineRow>(
    `insert into machine_out_of_service (tenant, machine_id, set_by, reason) values ($1, $2, $3, $4)
     on conflict (tenant, machine_id) do update set reason = machine_out_of_service.reason
     returning machine_id, since, set_by, reason`,
    [tenant, machineId, by, reason],
  );
  const [machine] = rows.map(toMachine);
  if (machine === undefined) throw new MillwrightError("internal", "The machine was not written.");
  return machine;
}

/** Idempotent. */
export async function putMachineBack(tx: pg.ClientBase, tenant: TenantId, machineId: string): Promise<void> {
  await nextRevision(tx, tenant);
  await tx.query("delete from machine_out_of_service where tenant = $1 and machine_id = $2", [
    tenant,
    machineId,
  ]);
  await announceStanding(tx, tenant, { machineId });
}

export async function listMachinesOutOfService(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest,
): Promise<Page<MachineOutOfService>> {
  const { rows } = await tx.query<MachineRow>(
    `select machine_id, since, set_by, reason from machine_out_of_service
      where tenant = $1 and ($2::text is null or machine_id > $2) order by machine_id limit $3`,
    [tenant, ...decodeCursor(request.cursor, 1), request.limit + 1],
  );
  return pageOf(rows.map(toMachine), request.limit, ({ machineId }) => [machineId]);
}

/** Machines that are out of service, by tenant, as the engine needs them. */
export async function machinesOutOfService(
  tx: pg.ClientBase,
  tenants: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { rows } = await tx.query<{ tenant: string; machines: string[] }>(
    `select tenant, array_agg(machine_id) as machines from machine_out_of_service
      where tenant = any($1) group by tenant`,
    [tenants],
  );
  return new Map(rows.map(({ tenant, machines }) => [tenant, new Set(machines)]));
}

/** Tells people of what stands and was kept from them by what is now back in service, and by nothing else. */
async function announceStanding(
  tx: pg.ClientBase,
  tenant: TenantId,
  { rule, machineId }: { readonly rule?: string; readonly machineId?: string },
): Promise<void> {
  const { rows } = await tx.query<{ tenant: string; alert: string }>(
    `update alert a set announced = true
      where tenant = $1 and (rule = $2 or machine_id = $3) and not announced and returned_at is null and incident is null
        and (suppressed_by is null or released_at is not null)
        and not exists (select from alert s where s.tenant = a.tenant and s.rule = a.rule
                           and s.machine_id = a.machine_id and s.shelved_until > now())
        and not exists (select from rule r where r.tenant = a.tenant and r.rule = a.rule
                           and r.out_of_service_at is not null)
        and not exists (select from machine_out_of_service m where m.tenant = a.tenant
                           and m.machine_id = a.machine_id)
     returning tenant, alert`,
    [tenant, rule ?? null, machineId ?? null],
  );
  await queueDeliveries(tx, "alert.raised", rows);
}

function toMachine({ machine_id: machineId, since, set_by: by, reason }: MachineRow): MachineOutOfService {
  return { machineId, since: since.toISOString(), by, reason };
}
