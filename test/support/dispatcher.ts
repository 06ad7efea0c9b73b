import type pg from "pg";
import { openSenders } from "../../handlers/notify/channels/senders.ts";
import type { DispatcherDeps, NotifyObserver } from "../../handlers/notify/try-delivery.ts";
import type { NotifySettings } from "../../model/notify-settings.ts";
import { testSealer } from "./sealer.ts";

const NOTHING: NotifySettings = { smtp: undefined, ses: undefined, sns: undefined };

/** What a dispatcher of a test needs; without settings it sends webhooks, Slack and in-app. */
export function testDispatcher(
  pool: pg.Pool,
  observe: NotifyObserver = {},
  settings: Partial<NotifySettings> = {},
): DispatcherDeps {
  const senders = openSenders(pool, "loopback-only", { ...NOTHING, ...settings });
  return { pool, sealer: testSealer, senders, observe };
}
