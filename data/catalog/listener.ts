import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { identifier } from "../pool.ts";

export interface Listener {
  readonly close: () => Promise<void>;
}

const RECONNECT_MS = 500;

/**
 * Calls back for every notification on `channels`, over one connection that it keeps. Notifications sent while the
 * connection is away are lost: who listens polls as well.
 */
export function listen(
  pool: pg.Pool,
  channels: readonly string[],
  onNotification: (channel: string, payload: string) => void,
): Listener {
  const stop = new AbortController();
  const run = async () => {
    while (!stop.signal.aborted) {
      const client = await pool.connect().catch(() => undefined);
      if (client !== undefined) await hold(client);
      // ends at once when it is closed
      await delay(RECONNECT_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const hold = async (client: pg.PoolClient) => {
    const ended = Promise.withResolvers<undefined>();
    const end = () => ended.resolve(undefined);
    client.on("error", end);
    client.on("end", end);
    client.on("notification", ({ channel, payload }) => onNotification(channel, payload ?? ""));
    stop.signal.addEventListener("abort", end);
    if (stop.signal.aborted) end();
    try {
      for (const channel of channels) await client.query(`listen ${identifier(channel)}`);
      await ended.promise;
    } catch {
      // the connection is away: the loop opens another one
    } finally {
      stop.signal.removeEventListener("abort", end);
      client.release(true); // destroyed: a pooled connection must not go on listening
    }
  };
  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}
