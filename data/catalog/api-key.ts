import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { MillwrightError } from "../../model/errors.ts";
import type { PlatformRole, Role, TenantRole } from "../../model/role.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** A credential as lists show it; its secret exists nowhere but with its holder. */
export interface ApiKey {
  readonly id: string;
  readonly role: Role;
  readonly label: string;
  /** The only machine that the key may speak for; null: any of its tenant's. */
  readonly machineId: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
  /** To the hour. */
  readonly lastUsedAt: string | null;
}

/** Whom a token stands for. */
export interface Credential {
  readonly id: string;
  readonly role: Role;
  /** undefined: a credential of the platform */
  readonly tenant: TenantId | undefined;
  /** The only machine that it may send readings of; undefined: any of its tenant's */
  readonly machineId: string | undefined;
}

export interface NewKey {
  readonly role: TenantRole | PlatformRole;
  readonly label: string;
  /** Only with the role `machine`. */
  readonly machineId?: string | undefined;
  readonly createdBy: string;
}

const TOKEN = /^mw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const hashOf = (secret: string) => createHash("sha256").update(secret).digest();

/** @returns the only copy of the token, `mw_<id>_<secret>`; the table keeps its secret's hash */
export async function createKey(db: Queryable, tenant: TenantId | undefined, key: NewKey) {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  await db.query(
    `insert into api_key (key, tenant, role, label, machine_id, secret_hash, created_by)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [id, tenant ?? null, key.role, key.label, key.machineId ?? null, hashOf(secret), key.createdBy],
  );
  return { id, token: `mw_${id}_${secret}` };
}

/** Keys of one tenant, or of the platform, oldest first. */
export async function listKeys(db: Queryable, tenant: TenantId | undefined): Promise<ApiKey[]> {
  interface Row extends Omit<ApiKey, "createdAt" | "lastUsedAt"> {
    readonly createdAt: Date;
    readonly lastUsedAt: Date | null;
  }
  const { rows } = await db.query<Row>(
    `select key as id, role, label, machine_id as "machineId", created_by as "createdBy", created_at as "createdAt", last_used_at as "lastUsedAt"
       from api_key where tenant is not distinct from $1 order by created_at, key`,
    [tenant ?? null],
  );
  return rows.map((row) => ({
    ...row,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  }));
}

/** Revokes a key at once. @throws MillwrightError `key-unknown`, also for a key of somebody else */
export async function deleteKey(db: Queryable, tenant: TenantId | undefined, id: string): Promise<void> {
  const { rowCount } = await db.query(
    "delete from api_key where key = $1 and tenant is not distinct from $2",
    [id, tenant ?? null],
  );
  if (rowCount !== 1) throw new MillwrightError("key-unknown", `There is no key '${id}'.`);
}

/**
 * Whom a token stands for; undefined for anything that is no valid token, whatever is wrong with it. Asked with every
 * request and never cached, so a revocation is in force at once.
 * @param db - sees the keys of all tenants: who calls is not known yet
 */
export async function findCredential(db: Queryable, token: string): Promise<Credential | undefined> {
  const [, id, secret] = TOKEN.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  interface Row {
    readonly role: Role;
    readonly tenant: TenantId | null;
    readonly machineId: string | null;
    readonly hash: Buffer;
    readonly isStale: boolean;
  }
  const { rows } = await db.query<Row>({
    name: "find-credential",
    text: `select role, tenant, machine_id as "machineId", secret_hash as hash,
                  coalesce(last_used_at < now() - interval '1 hour', true) as "isStale"
             from api_key where key = $1`,
    values: [id],
  });
  const [row] = rows;
  if (row === undefined || !timingSafeEqual(row.hash, hashOf(secret))) return undefined;
  if (row.isStale) await db.query("update api_key set last_used_at = now() where key = $1", [id]);
  const { role, tenant, machineId } = row;
  return { id, role, tenant: tenant ?? undefined, machineId: machineId ?? undefined };
}

/** Those of the keys that have been revoked: what a connection that outlives its login is asked again. */
export async function revokedKeys(db: Queryable, ids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>(
    "select id from unnest($1::text[]) asked(id) where not exists (select from api_key where key = id)",
    [ids],
  );
  return rows.map(({ id }) => id);
}
