import * as z from "zod";
import { inTenant, type Catalog } from "../../data/catalog/catalog.ts";
import { IN_APP, lastNotice, noticesAfter } from "../../data/catalog/in-app-notice.ts";
import { listen } from "../../data/listen.ts";
import type { TenantId } from "../../model/tenant.ts";
import { Waker } from "../operations/waker.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { EventStreams, type StreamedEvent } from "./event-stream.ts";
import type { ApiServices } from "./services.ts";
import { requireTenant } from "./tenant-work.ts";

/** A notification may be lost with its connection. */
const POLL_MS = 5_000;

export function inAppEndpoints({ catalog, stopping }: ApiServices): Endpoint[] {
  const streams = new EventStreams(catalog.service, stopping);
  const waker = new Waker();
  let listening: Promise<void> | undefined;

  return [
    endpoint({
      method: "get",
      path: "/v1/alerts/stream",
      summary: "Follow what the in-app channels are sent",
      description:
        "Server-sent events, named by the event of the delivery, numbered upwards. Begins with the next one; " +
        "`Last-Event-ID` goes on behind that one, as far back as the last 1,000. The same message may come twice with " +
        "the same `id` in its data.",
      permission: "alert:read",
      tenancy: "named",
      headers: z.object({
        "last-event-id": z.coerce
          .number()
          .int()
          .min(0)
          .max(2 ** 52)
          .optional(),
      }),
      answers: { 200: { description: "Events", content: { "text/event-stream": z.string() } } },
      async handle({ caller, tenant, headers }) {
        await requireTenant(catalog, caller, tenant);
        // One connection of the pool for all streams, held from the first one on.
        listening ??= listen(catalog.service, [IN_APP], (_channel, payload) => waker.wake(payload), stopping);
        const afterId =
          headers["last-event-id"] ?? (await inTenant(catalog, tenant, (tx) => lastNotice(tx, tenant)));
        const events = (signal: AbortSignal) => followNotices(catalog, waker, tenant, afterId, signal);
        return { stream: (response) => streams.send(response, caller, events) };
      },
    }),
  ];
}

/** Notices behind `afterId` as they come, a page in memory at a time, until `signal` aborts. */
async function* followNotices(
  catalog: Catalog,
  waker: Waker,
  tenant: TenantId,
  afterId: number,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  const following = waker.follow(tenant, signal);
  try {
    let lastId = afterId;
    do {
      for (let hasMore = true; hasMore;) {
        const page = await inTenant(catalog, tenant, (tx) => noticesAfter(tx, tenant, lastId));
        for (const notice of page.notices) {
          if (signal.aborted) return;
          yield notice;
          lastId = notice.id;
        }
        hasMore = page.hasMore;
      }
    } while (await following.wait(POLL_MS));
  } finally {
    following.end();
  }
}
