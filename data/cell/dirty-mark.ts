import type { ClientBase } from "pg";
import type { ReadingType } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";

/** One hour of one machine whose rollups no longer match its readings. */
export interface DirtyMark {
  readonly tenant: TenantId;
  readonly type: ReadingType;
  readonly machineId: string;
  /** Start of the hour of the readings, milliseconds since the epoch. */
  readonly hourMs: number;
}

/** Appends marks; never looks whether one is there (see the migration). */
export async function addDirtyMarks(tx: ClientBase, marks: readonly DirtyMark[]): Promise<void> {
  if (marks.length === 0) return;
  await tx.query(
    `insert into millwright.dirty_mark (tenant, type, machine_id, hour)
     select tenant, type, machine_id, to_timestamp(hour)
       from unnest($1::text[], $2::text[], $3::text[], $4::float8[]) as m (tenant, type, machine_id, hour)`,
    [
      marks.map(({ tenant }) => tenant),
      marks.map(({ type }) => type),
      marks.map(({ machineId }) => machineId),
      marks.map(({ hourMs }) => hourMs / 1000),
    ],
  );
}
