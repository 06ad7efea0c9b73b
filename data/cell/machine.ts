import type { ClientBase } from "pg";
import type { ReadingType } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";

/** A machine that reported, at a site or at none. */
export interface SeenMachine {
  readonly tenant: TenantId;
  readonly type: ReadingType;
  readonly machineId: string;
  readonly siteId: string | undefined;
  readonly logRef: bigint;
}

/** Remembers machines; those already known stay as they are. */
export async function rememberMachines(tx: ClientBase, machines: readonly SeenMachine[]): Promise<void> {
  if (machines.length === 0) return;
  await tx.query(
    `insert into millwright.machine (tenant, type, machine_id, site_id, first_log_ref)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
         as m (tenant, type, machine_id, site_id, first_log_ref)
      order by tenant, type, machine_id, site_id, first_log_ref
     on conflict do nothing`,
    [
      machines.map(({ tenant }) => tenant),
      machines.map(({ type }) => type),
      machines.map(({ machineId }) => machineId),
      machines.map(({ siteId }) => siteId ?? ""),
      machines.map(({ logRef }) => logRef),
    ],
  );
}

/** A machine and what it measures. */
export interface ReportedMachine {
  readonly machineId: string;
  readonly types: readonly ReadingType[];
}

export interface MachineRange {
  /** Exclusive; undefined: from the first */
  readonly after: string | undefined;
  readonly limit: number;
}

/** Machines that ever reported, by the bytes of their ids. */
export async function listReportedMachines(
  tx: ClientBase,
  tenant: TenantId,
  { after, limit }: MachineRange,
): Promise<readonly ReportedMachine[]> {
  const { rows } = await tx.query<{ machine_id: string; types: ReadingType[] }>(
    `select machine_id, array_agg(distinct type order by type) as types from millwright.machine
      where tenant = $1 and ($2::text is null or machine_id collate "C" > $2)
      group by machine_id order by machine_id collate "C" limit $3`,
    [tenant, after ?? null, limit],
  );
  return rows.map(({ machine_id: machineId, types }) => ({ machineId, types }));
}

/** Ids of a tenant's machines that ever reported readings of `type` (from `siteId`, where given). */
export async function listMachines(
  tx: ClientBase,
  tenant: TenantId,
  type: ReadingType,
  siteId: string | undefined,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ machine_id: string }>(
    `select distinct machine_id from millwright.machine
      where tenant = $1 and type = $2 and ($3::text is null or site_id = $3)
      order by machine_id`,
    [tenant, type, siteId ?? null],
  );
  return rows.map((row) => row.machine_id);
}
