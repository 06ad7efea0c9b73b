import type pg from "pg";
import * as z from "zod";
import {
  createChannel,
  deleteChannel,
  getChannel,
  listChannels,
  replaceChannel,
} from "../../data/catalog/channel.ts";
import { listDeliveries, queueTest } from "../../data/catalog/delivery.ts";
import { checkWebhookUrl } from "../../handlers/notify/webhook-guard.ts";
import { channelHours } from "../../model/channel-hours.ts";
import {
  ALERT_EVENTS,
  CHANNEL_KINDS,
  channelBody,
  channelTemplate,
  type Channel,
  type ChannelBody,
} from "../../model/channel.ts";
import { MillwrightError } from "../../model/errors.ts";
import { SEVERITIES } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { delivery } from "./alert-routes.ts";
import { RateLimiter, type Rate } from "../entrance/rate-limit.ts";
import type { Caller } from "./authenticate.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

/** Of one tenant. Enough to try every channel of a plant; more would be mail to whomever the channel names. */
const TEST_RATE: Rate = { burst: 20, perSecond: 0.1 };

const params = z.strictObject({ channelId: z.string().min(1).max(128) });

const channel = z
  .strictObject({
    id: z.string(),
    kind: z.enum(CHANNEL_KINDS),
    url: z.string().optional(),
    host: z.string().optional().meta({ description: "All that is shown of Slack's address" }),
    to: z.array(z.string()).optional(),
    phoneNumber: z.string().optional(),
    topicArn: z.string().optional(),
    minSeverity: z.enum(SEVERITIES),
    events: z.array(z.enum(ALERT_EVENTS)),
    template: channelTemplate.nullable(),
    hours: channelHours.nullable(),
    escalateAfterMs: z.int().nullable(),
    dedupMs: z.int().nullable(),
    maxPerMinute: z.int().nullable(),
    createdAt: instant,
  })
  .meta({ id: "Channel", description: "Its secrets are never shown." });
const oneChannel = (description: string) => jsonAnswer(description, z.strictObject({ channel }));

export function channelEndpoints({ catalog, privateWebhooks, channels, nowMs }: ApiServices): Endpoint[] {
  const tests = new RateLimiter(TEST_RATE, nowMs);
  /** What can be known to be wrong before anything is sent. @throws MillwrightError `channel-refused` */
  const check = async (tenant: TenantId, body: ChannelBody): Promise<void> => {
    if (!channels.kinds.has(body.kind)) {
      const message = `This installation is not set up to send by ${body.kind}; docs/notifications.md names the settings.`;
      throw refusal("/kind", message);
    }
    if (body.kind === "sns") checkTopic(tenant, body.topicArn);
    // Outside a transaction: it asks the name service, which may be slow.
    if ("url" in body) await checkWebhookUrl(body.url, privateWebhooks);
  };
  const change = (
    { caller, tenant }: { readonly caller: Caller; readonly tenant: TenantId },
    action: string,
    work: (tx: pg.PoolClient) => Promise<Channel>,
  ) =>
    inKnownTenant(catalog, tenant, async (tx) => {
      const changed = await work(tx);
      await recordAction(tx, caller, action, { tenant, subject: changed.id });
      return changed;
    });

  return [
    endpoint({
      method: "post",
      path: "/v1/channels",
      summary: "Make a channel",
      description:
        "Bodies are signed: X-Millwright-Signature: t=SECONDS,v1=HMAC-SHA256(secret, SECONDS.body). " +
        "Templates are mustache: variables and sections, no partials.",
      permission: "channel:write",
      tenancy: "named",
      body: channelBody,
      answers: { 201: oneChannel("The channel") },
      async handle({ caller, tenant, body }) {
        await check(tenant, body);
        const made = await change({ caller, tenant }, "channel.create", (tx) =>
          createChannel(tx, channels.sealer, tenant, body),
        );
        return { status: 201, body: { channel: made } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/channels",
      summary: "List channels",
      permission: "channel:read",
      tenancy: "named",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of channels", listOf("channels", channel)) },
      async handle({ tenant, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listChannels(tx, tenant, query),
        );
        return { status: 200, body: { channels: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/channels/:channelId",
      summary: "Show a channel",
      permission: "channel:read",
      tenancy: "named",
      params,
      answers: { 200: oneChannel("The channel") },
      async handle({ tenant, params: { channelId } }) {
        const found = await inKnownTenant(catalog, tenant, (tx) => getChannel(tx, tenant, channelId));
        return { status: 200, body: { channel: found } };
      },
    }),
    endpoint({
      method: "put",
      path: "/v1/channels/:channelId",
      summary: "Replace a channel, its secret included",
      description: "The kind stays. What is still to be delivered goes the new way.",
      permission: "channel:write",
      tenancy: "named",
      params,
      body: channelBody,
      answers: { 200: oneChannel("The channel as it is now") },
      async handle({ caller, tenant, params: { channelId }, body }) {
        await check(tenant, body);
        const replaced = await change({ caller, tenant }, "channel.replace", (tx) =>
          replaceChannel(tx, channels.sealer, tenant, channelId, body),
        );
        return { status: 200, body: { channel: replaced } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/channels/:channelId/test",
      summary: "Send a test message",
      description:
        "It goes the way of an alert, whatever the hours; its tries are among the channel's deliveries.",
      permission: "channel:write",
      tenancy: "named",
      params,
      answers: { 202: jsonAnswer("Queued", z.strictObject({ deliveryId: z.string() })) },
      async handle({ caller, tenant, params: { channelId } }) {
        const waitSeconds = tests.take(tenant);
        if (waitSeconds > 0)
          throw new MillwrightError("too-many-requests", `Too many tests; try again in ${waitSeconds} s.`, {
            retryable: true,
          });
        const deliveryId = await inKnownTenant(catalog, tenant, async (tx) => {
          await getChannel(tx, tenant, channelId);
          await recordAction(tx, caller, "channel.test", { tenant, subject: channelId });
          return queueTest(tx, tenant, channelId);
        });
        return { status: 202, body: { deliveryId } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/channels/:channelId/deliveries",
      summary: "List what a channel was sent, newest first",
      permission: "channel:read",
      tenancy: "named",
      params,
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of deliveries", listOf("deliveries", delivery)) },
      async handle({ tenant, params: { channelId }, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, async (tx) => {
          await getChannel(tx, tenant, channelId);
          return listDeliveries(tx, tenant, { ...query, channelId });
        });
        return { status: 200, body: { deliveries: items, nextCursor } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/channels/:channelId",
      summary: "Delete a channel",
      permission: "channel:write",
      tenancy: "named",
      params,
      answers: { 204: { description: "Deleted" } },
      async handle({ caller, tenant, params: { channelId } }) {
        await inKnownTenant(catalog, tenant, async (tx) => {
          await deleteChannel(tx, tenant, channelId);
          await recordAction(tx, caller, "channel.delete", { tenant, subject: channelId });
        });
        return { status: 204 };
      },
    }),
  ];
}

/**
 * The platform publishes as itself, so a tenant could name any topic that the platform may write to. No id of a tenant
 * holds an underscore: `acme_` begins the names of acme's topics and of nobody else's.
 */
function checkTopic(tenant: TenantId, topicArn: string): void {
  const name = topicArn.split(":").at(-1) ?? "";
  if (!name.startsWith(`${tenant}_`))
    throw refusal(
      "/topicArn",
      `The topic's name must begin with '${tenant}_', so that nobody names another's.`,
    );
}

function refusal(pointer: string, message: string): MillwrightError {
  return new MillwrightError("channel-refused", message, { fields: [{ pointer, message }] });
}
