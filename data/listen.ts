import type pg from "pg";
import { pause } from "./wait.ts";

const RECONNECT_MS = 500;

/**
 * Listens on `channels` over a connection held from `pool`, made anew when it breaks, until `signal` aborts.
 * Notifications are hints: one that comes while the connection is away is lost, so `onNotify` is also called once,
 * without a channel, after each connect, and every caller polls as well.
 */
export async function listen(
  pool: pg.Pool,
  channels: readonly string[],
  onNotify: (channel: string | undefined, payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await listenOnce(pool, channels, onNotify, signal);
    } catch {
      await pause(RECONNECT_MS, signal);
    }
  }
}

async function listenOnce(
  pool: pg.Pool,
  channels: readonly string[],
  onNotify: (channel: string | undefined, payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = await pool.connect();
  const ended: PromiseWithResolvers<void> = Promise.withResolvers();
  const lost = () => ended.reject(new Error("the listening connection was lost"));
  ended.promise.catch(() => undefined); // a connection may break before anybody awaits it
  const stopped = () => ended.resolve();
  client.on("error", lost).on("end", lost);
  client.on("notification", ({ channel, payload }) => onNotify(channel, payload ?? ""));
  signal.addEventListener("abort", stopped, { once: true });
  try {
    for (const channel of channels) await client.query(`listen ${channel}`);
    onNotify(undefined, "");
    if (!signal.aborted) await ended.promise;
  } finally {
    signal.removeEventListener("abort", stopped);
    client.removeListener("end", lost);
    client.release(true); // never back into the pool: it still listens
  }
}
