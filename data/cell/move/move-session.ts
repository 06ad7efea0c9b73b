import type pg from "pg";
import { MillwrightError } from "../../../model/errors.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { asCellAdmin } from "../cell-admin.ts";
import type { CellSecret } from "../cell-secret.ts";

/** A tenant's way from one cell to another, and who drives it. */
export interface Move {
  readonly tenant: TenantId;
  readonly source: CellSecret;
  readonly target: CellSecret;
  /** Of the operation's owner: each next one has a higher one. */
  readonly token: bigint;
}

/** No statement of a move waits for anybody but ingestion, which holds nothing for so long. */
const LOCK_TIMEOUT_MS = 30_000;

/** A connection to one side. Its name says whose it is: the next owner ends it. */
export function asMover<T>(
  { tenant, token }: Pick<Move, "tenant" | "token">,
  cell: CellSecret,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const session = { applicationName: `millwright-move ${tenant} ${token}`, lockTimeoutMs: LOCK_TIMEOUT_MS };
  return asCellAdmin(cell, session, work);
}

/** Open connections to both sides of a tenant's move: what is done while the tenant's writers wait has no time to connect. */
export interface Sides {
  readonly tenant: TenantId;
  readonly source: pg.Client;
  readonly target: pg.Client;
}

/** A connection to each side. */
export function onBothSides<T>(
  move: Move,
  work: (source: pg.Client, target: pg.Client) => Promise<T>,
): Promise<T> {
  return asMover(move, move.source, (source) => asMover(move, move.target, (target) => work(source, target)));
}

/** Ends what earlier owners still do on this side: a process that was stopped may hold a snapshot, or locks of rows. */
export async function endEarlierOwners(
  client: pg.Client,
  { tenant, token }: Pick<Move, "tenant" | "token">,
): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database()
        and case when application_name ~ $1 then split_part(application_name, ' ', 3)::bigint < $2 end`,
    [`^millwright-move ${tenant} \\d+$`, token],
  );
}

/** @throws MillwrightError `operation-fenced` when the move has a later owner, or is none any more */
export async function expectOwner(
  tx: pg.ClientBase,
  { tenant, token }: Pick<Move, "tenant" | "token">,
): Promise<void> {
  const { rowCount } = await tx.query("select from millwright.move where tenant = $1 and token = $2", [
    tenant,
    token,
  ]);
  if (rowCount !== 1) throw fenced(tenant);
}

export function fenced(tenant: TenantId): MillwrightError {
  return new MillwrightError("operation-fenced", `The move of ${tenant} has another owner by now.`);
}
