import type pg from "pg";
import { addNotice } from "../../../data/catalog/in-app-notice.ts";
import { subjectOf, textOf } from "../../../model/notification.ts";
import type { ChannelSender } from "./channel-sender.ts";

/** Puts the message into the tenant's stream, which pages follow by server-sent events. */
export function inAppSender(pool: pg.Pool): ChannelSender {
  return async ({ notification, body }) => {
    const { id: delivery, tenant, event } = notification;
    const payload = { ...body, title: subjectOf(notification), message: textOf(notification) };
    await addNotice(pool, tenant, { delivery, event, payload });
    return { result: "delivered", status: null, error: null };
  };
}
