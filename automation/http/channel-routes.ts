import { z } from "zod";
import { createChannel, deleteChannel, listChannels } from "../../data/catalog/channel.ts";
import { checkWebhookUrl } from "../../handlers/notify/webhook-guard.ts";
import { ALERT_EVENTS, channelBody } from "../../model/channel.ts";
import { SEVERITIES } from "../../model/rule.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const params = z.strictObject({ channelId: z.string().min(1).max(128) });

const channel = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    url: z.string(),
    minSeverity: z.enum(SEVERITIES),
    events: z.array(z.enum(ALERT_EVENTS)),
    createdAt: instant,
  })
  .meta({ id: "Channel", description: "Its secret is never shown." });

export function channelEndpoints({ catalog, privateWebhooks }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/channels",
      summary: "Make a channel",
      description:
        "Bodies are signed: X-Millwright-Signature: t=SECONDS,v1=HMAC-SHA256(secret, SECONDS.body)",
      permission: "channel:write",
      tenancy: "named",
      body: channelBody,
      answers: { 201: jsonAnswer("The channel", z.strictObject({ channel })) },
      async handle({ caller, tenant, body }) {
        // Outside the transaction: it asks the name service, which may be slow.
        await checkWebhookUrl(body.url, privateWebhooks);
        const made = await inKnownTenant(catalog, tenant, async (tx) => {
          const created = await createChannel(tx, tenant, body);
          await recordAction(tx, caller, "channel.create", { tenant, subject: created.id });
          return created;
        });
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
