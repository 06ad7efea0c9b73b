import * as z from "zod";
import { listSystemEvents } from "../../data/catalog/system-event.ts";
import { SYSTEM_EVENT_KINDS } from "../../model/system-event.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const systemEvent = z
  .strictObject({
    id: z.string(),
    sequence: z.string().meta({ description: "Grows with every event" }),
    event: z.enum(SYSTEM_EVENT_KINDS),
    at: instant,
    tenant: z.string().nullable(),
    detail: z.looseObject({}),
  })
  .meta({ id: "SystemEvent" });

export function systemEventEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/system-events",
      summary: "What happened to the platform, newest first",
      description: "The same events are published to the topic `system-events`. Kept for 90 days.",
      permission: "system-event:read",
      tenancy: "none",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of events", listOf("events", systemEvent)) },
      async handle({ query }) {
        const { items, nextCursor } = await listSystemEvents(catalog.service, query);
        return { status: 200, body: { events: items, nextCursor } };
      },
    }),
  ];
}
