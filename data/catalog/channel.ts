import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { AlertEvent, Channel, ChannelBody } from "../../model/channel.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { Severity } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

interface ChannelRow {
  readonly channel: string;
  readonly url: string;
  readonly min_severity: Severity;
  readonly events: AlertEvent[];
  readonly created_at: Date;
}

// the application role may not read the column `secret`, so no `*` here
const COLUMNS = "channel, url, min_severity, events, created_at";

/** Gets the alerts of from now on. The caller has checked the address with the webhook guard. */
export async function createChannel(
  tx: pg.ClientBase,
  tenant: TenantId,
  body: ChannelBody,
): Promise<Channel> {
  const { rows } = await tx.query<ChannelRow>(
    `insert into channel (tenant, channel, kind, url, secret, min_severity, events)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
    [tenant, randomUUID(), body.kind, body.url, body.secret, body.minSeverity, body.events],
  );
  return toChannel(known(rows[0]));
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

/** What is still to be delivered goes with it. @throws MillwrightError `channel-unknown` */
export async function deleteChannel(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  const { rows } = await tx.query<ChannelRow>(
    `delete from channel where tenant = $1 and channel = $2 returning ${COLUMNS}`,
    [tenant, id],
  );
  known(rows[0]);
}

function toChannel({ channel: id, url, min_severity: minSeverity, events, created_at }: ChannelRow): Channel {
  return { id, kind: "webhook", url, minSeverity, events, createdAt: created_at.toISOString() };
}

function known(row: ChannelRow | undefined): ChannelRow {
  if (row === undefined) throw new MillwrightError("channel-unknown", "There is no such channel.");
  return row;
}
