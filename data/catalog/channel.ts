import { randomUUID } from "node:crypto";
import type pg from "pg";
import { MAX_CHANNELS, partsOf } from "../../model/channel.ts";
import type {
  AlertEvent,
  Channel,
  ChannelBody,
  ChannelKind,
  ChannelSecrets,
  ChannelSettings,
  ChannelTemplate,
} from "../../model/channel.ts";
import type { ChannelHours } from "../../model/channel-hours.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { Severity } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { inTransaction } from "../pool.ts";
import type { Sealer } from "../seal.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

interface ChannelRow {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly settings: ChannelSettings;
  readonly min_severity: Severity;
  readonly events: AlertEvent[];
  readonly template: ChannelTemplate | null;
  readonly hours: ChannelHours | null;
  readonly escalate_after_ms: bigint | null;
  readonly dedup_ms: bigint | null;
  readonly max_per_minute: number | null;
  readonly created_at: Date;
}

// the application role may not read what is sealed, so no `*` here
const COLUMNS = `channel, kind, settings, min_severity, events, template, hours, escalate_after_ms, dedup_ms,
  max_per_minute, created_at`;

/**
 * Gets the alerts of from now on. The caller has checked the address with the webhook guard.
 * @throws MillwrightError `channel-limit`
 */
export async function createChannel(
  tx: pg.ClientBase,
  sealer: Sealer,
  tenant: TenantId,
  body: ChannelBody,
): Promise<Channel> {
  const id = randomUUID();
  // Calls at the same moment may pass the limit by their own number: it bounds work, it counts nothing.
  const { rows } = await tx.query<ChannelRow>(
    `insert into channel (tenant, channel, settings, sealed, min_severity, events, template, hours, escalate_after_ms,
                          dedup_ms, max_per_minute, kind)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
      where (select count(*) from channel where tenant = $1) < ${MAX_CHANNELS}
     returning ${COLUMNS}`,
    [...columnsOf(sealer, tenant, id, body), body.kind],
  );
  if (rows[0] === undefined) {
    const message = `A tenant has ${MAX_CHANNELS} channels at most; delete one that nobody reads.`;
    throw new MillwrightError("channel-limit", message);
  }
  return toChannel(rows[0]);
}

/**
 * Takes the place of a channel of the same kind; what is still to be delivered goes the new way.
 * @throws MillwrightError `channel-unknown`, `channel-refused`
 */
export async function replaceChannel(
  tx: pg.ClientBase,
  sealer: Sealer,
  tenant: TenantId,
  id: string,
  body: ChannelBody,
): Promise<Channel> {
  const { rows } = await tx.query<ChannelRow>(
    `update channel set settings = $3, sealed = $4, min_severity = $5, events = $6, template = $7, hours = $8,
                        escalate_after_ms = $9, dedup_ms = $10, max_per_minute = $11
      where tenant = $1 and channel = $2 returning ${COLUMNS}`,
    columnsOf(sealer, tenant, id, body),
  );
  const replaced = known(rows[0]);
  if (replaced.kind !== body.kind) {
    const message = `This channel is of kind '${replaced.kind}'; make another one for '${body.kind}'.`;
    throw new MillwrightError("channel-refused", message, {
      fields: [{ pointer: "/kind", message: `must be '${replaced.kind}'` }],
    });
  }
  return toChannel(replaced);
}

export async function listChannels(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest,
): Promise<Page<Channel>> {
  const { rows } = await tx.query<ChannelRow>(
    `select ${COLUMNS} from channel where tenant = $1 and ($2::text is null or channel > $2)
      order by channel limit $3`,
    [tenant, ...decodeCursor(request.cursor, 1), request.limit + 1],
  );
  return pageOf(rows.map(toChannel), request.limit, ({ id }) => [id]);
}

/** @throws MillwrightError `channel-unknown` */
export async function getChannel(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<Channel> {
  const { rows } = await tx.query<ChannelRow>(
    `select ${COLUMNS} from channel where tenant = $1 and channel = $2`,
    [tenant, id],
  );
  return toChannel(known(rows[0]));
}

/** What is still to be delivered goes with it. @throws MillwrightError `channel-unknown` */
export async function deleteChannel(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  const { rows } = await tx.query<ChannelRow>(
    `delete from channel where tenant = $1 and channel = $2 returning ${COLUMNS}`,
    [tenant, id],
  );
  known(rows[0]);
}

/** Seals what releases before this one kept in clear. Idempotent. @param pool - the catalog, as its service role */
export async function sealChannels(pool: pg.Pool, sealer: Sealer): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ tenant: string; channel: string; secret: string }>(
      "select tenant, channel, secret from channel where secret is not null for update",
    );
    for (const { tenant, channel, secret } of rows) {
      const sealed = sealSecrets(sealer, tenant, channel, { secret });
      await tx.query("update channel set sealed = $3, secret = null where tenant = $1 and channel = $2", [
        tenant,
        channel,
        sealed,
      ]);
    }
  });
}

/** @throws Error when the row is of another channel or another installation's key sealed it */
export function openSecrets(sealer: Sealer, tenant: string, channel: string, sealed: Buffer): ChannelSecrets {
  return JSON.parse(sealer.open(sealed, contextOf(tenant, channel))) as ChannelSecrets;
}

function sealSecrets(sealer: Sealer, tenant: string, channel: string, secrets: ChannelSecrets): Buffer {
  return sealer.seal(JSON.stringify(secrets), contextOf(tenant, channel));
}

const contextOf = (tenant: string, channel: string) => `${tenant}/${channel}`;

function columnsOf(sealer: Sealer, tenant: TenantId, id: string, body: ChannelBody): unknown[] {
  const { settings, secrets } = partsOf(body);
  const template = "template" in body ? body.template : undefined;
  return [
    tenant,
    id,
    settings,
    sealSecrets(sealer, tenant, id, secrets),
    body.minSeverity,
    body.events,
    template ?? null,
    body.hours ?? null,
    body.escalateAfterMs ?? null,
    body.dedupMs ?? null,
    body.maxPerMinute ?? null,
  ];
}

function toChannel(row: ChannelRow): Channel {
  const { channel: id, kind, settings, events, template, hours } = row;
  return {
    ...{ id, kind, ...settings, events, template, hours },
    minSeverity: row.min_severity,
    escalateAfterMs: row.escalate_after_ms === null ? null : Number(row.escalate_after_ms),
    dedupMs: row.dedup_ms === null ? null : Number(row.dedup_ms),
    maxPerMinute: row.max_per_minute,
    createdAt: row.created_at.toISOString(),
  };
}

function known(row: ChannelRow | undefined): ChannelRow {
  if (row === undefined) throw new MillwrightError("channel-unknown", "There is no such channel.");
  return row;
}
