import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { decodeTimeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** Two: a machine changes to its next one before the last is revoked. */
export const MAX_CERTIFICATES_PER_MACHINE = 2;
const MAX_CERTIFICATES_PER_TENANT = 100_000;

/** By which a machine signs in at IoT Core. */
export interface MachineCertificate {
  readonly id: string;
  readonly arn: string;
  readonly machineId: string;
  /** The machine's name at IoT Core. */
  readonly thing: string;
  readonly pem: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly revokedAt: string | null;
}

export interface NewMachineCertificate extends Omit<MachineCertificate, "createdAt" | "revokedAt"> {
  /** SHA-256 of what the machine asked with. */
  readonly requestHash: Buffer;
}

interface CertificateRow extends Omit<MachineCertificate, "createdAt" | "revokedAt"> {
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

const SELECT = `select certificate as id, arn, machine_id as "machineId", thing, pem, created_at as "createdAt",
       created_by as "createdBy", revoked_at as "revokedAt" from machine_certificate`;

/** The one that was made of this request, revoked or not. */
export async function certificateOfRequest(
  tx: Queryable,
  tenant: TenantId,
  { machineId, requestHash }: Pick<NewMachineCertificate, "machineId" | "requestHash">,
): Promise<MachineCertificate | undefined> {
  const { rows } = await tx.query<CertificateRow>(
    `${SELECT} where tenant = $1 and machine_id = $2 and request_hash = $3`,
    [tenant, machineId, requestHash],
  );
  return rows[0] && toCertificate(rows[0]);
}

/**
 * Keeps a certificate, unless its request has one already.
 * @returns the one of the request, and whether it is this one
 * @throws MillwrightError `limit-reached`, `tenant-not-ready`
 */
export async function keepCertificate(
  tx: pg.ClientBase,
  tenant: TenantId,
  made: NewMachineCertificate,
): Promise<{ readonly certificate: MachineCertificate; readonly isNew: boolean }> {
  const { machineId, requestHash } = made;
  await tx.query("select pg_advisory_xact_lock(hashtext('millwright.certificates'), hashtext($1))", [tenant]);
  const known = await certificateOfRequest(tx, tenant, made);
  if (known !== undefined) return { certificate: known, isNew: false };
  await expectRoom(tx, tenant, machineId);
  // A delete revokes what is there some seconds after it has changed the state.
  const { rowCount } = await tx.query(
    `insert into machine_certificate (tenant, certificate, arn, machine_id, thing, request_hash, pem, created_by)
     select tenant, $2, $3, $4, $5, $6, $7, $8 from tenant where tenant = $1 and state in ('ready', 'moving')`,
    [tenant, made.id, made.arn, machineId, made.thing, requestHash, made.pem, made.createdBy],
  );
  if (rowCount !== 1) throw new MillwrightError("tenant-not-ready", `${tenant} takes no machines now.`);
  return { certificate: await getCertificate(tx, tenant, made), isNew: true };
}

/** Of one machine, newest first. */
export async function listCertificates(
  tx: Queryable,
  tenant: TenantId,
  machineId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<MachineCertificate>> {
  const { rows } = await tx.query<CertificateRow>(
    `${SELECT} where tenant = $1 and machine_id = $2 and ($3::timestamptz is null or (created_at, certificate) < ($3, $4))
      order by created_at desc, certificate desc limit $5`,
    [tenant, machineId, ...decodeTimeCursor(cursor), limit + 1],
  );
  return pageOf(rows.map(toCertificate), limit, ({ createdAt, id }) => [createdAt, id]);
}

/** @throws MillwrightError `certificate-unknown`, also for one of another machine */
export async function getCertificate(
  tx: Queryable,
  tenant: TenantId,
  { machineId, id }: Pick<MachineCertificate, "machineId" | "id">,
): Promise<MachineCertificate> {
  const { rows } = await tx.query<CertificateRow>(
    `${SELECT} where tenant = $1 and machine_id = $2 and certificate = $3`,
    [tenant, machineId, id],
  );
  if (rows[0] !== undefined) return toCertificate(rows[0]);
  throw new MillwrightError("certificate-unknown", `The machine ${machineId} has no certificate '${id}'.`);
}

/** Some of those that are not revoked. */
export async function liveCertificates(
  db: Queryable,
  tenant: TenantId,
  limit: number,
): Promise<readonly MachineCertificate[]> {
  const { rows } = await db.query<CertificateRow>(
    `${SELECT} where tenant = $1 and revoked_at is null order by thing, certificate limit $2`,
    [tenant, limit],
  );
  return rows.map(toCertificate);
}

/** Says that it is good for nothing any more; to be called when that is so. */
export async function markRevoked(db: Queryable, tenant: TenantId, id: string): Promise<void> {
  await db.query(
    "update machine_certificate set revoked_at = now() where tenant = $1 and certificate = $2 and revoked_at is null",
    [tenant, id],
  );
}

/** Under the tenant's lock, so the counts are the truth. */
export async function expectRoom(tx: Queryable, tenant: TenantId, machineId: string): Promise<void> {
  const { rows } = await tx.query<{ ofTenant: bigint; ofMachine: bigint }>(
    `select count(*) as "ofTenant", count(*) filter (where machine_id = $2) as "ofMachine"
       from machine_certificate where tenant = $1 and revoked_at is null`,
    [tenant, machineId],
  );
  const { ofTenant = 0n, ofMachine = 0n } = rows[0] ?? {};
  const [whose, most] =
    ofMachine >= MAX_CERTIFICATES_PER_MACHINE
      ? ["A machine", MAX_CERTIFICATES_PER_MACHINE]
      : ["A tenant", MAX_CERTIFICATES_PER_TENANT];
  if (ofMachine < MAX_CERTIFICATES_PER_MACHINE && ofTenant < MAX_CERTIFICATES_PER_TENANT) return;
  throw new MillwrightError("limit-reached", `${whose} has ${most} certificates at most; revoke one first.`);
}

function toCertificate(row: CertificateRow): MachineCertificate {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}
