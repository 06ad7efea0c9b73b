import { once } from "node:events";
import type { Response } from "express";
import { MillwrightError } from "../../model/errors.ts";

export interface StreamedEvent {
  readonly id: number;
  readonly kind: string;
  readonly at: string;
  readonly payload: object;
}

/** Proxies close what is silent for a minute; a client that is gone is noticed by the write. */
const HEARTBEAT_MS = 15_000;
/** Each holds a connection and a listener for as long as it likes. */
const MAX_STREAMS = 256;
/** A wall of dashboards; more, and one tenant leaves its neighbours none. */
const MAX_STREAMS_PER_HOLDER = 32;

/** Server-sent events, one stream per follower. */
export class EventStreams {
  readonly #stopping: AbortSignal;
  #openCount = 0;
  readonly #openCounts = new Map<string, number>();

  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /**
   * Writes events until the source ends, the client leaves or the service stops.
   * @param holder - a tenant, or a credential of the platform
   * @throws MillwrightError `too-many-requests`
   */
  async send(
    response: Response,
    holder: string,
    source: (signal: AbortSignal) => AsyncIterable<StreamedEvent>,
  ): Promise<void> {
    const openCount = this.#openCounts.get(holder) ?? 0;
    if (this.#openCount >= MAX_STREAMS || openCount >= MAX_STREAMS_PER_HOLDER) {
      const message = "Too many event streams are open; close one, or ask for the thing itself.";
      throw new MillwrightError("too-many-requests", message, { retryable: true });
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    const signal = AbortSignal.any([gone.signal, this.#stopping]);
    response.once("close", leave);
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "X-Accel-Buffering": "no", // nginx would hold events back until its buffer is full
    });
    response.flushHeaders();
    const heartbeat = setInterval(() => response.write(": still here\n\n"), HEARTBEAT_MS);
    this.#count(holder, 1);
    try {
      for await (const { id, kind, at, payload } of source(signal)) {
        const isRoomLeft = response.write(
          `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ at, ...payload })}\n\n`,
        );
        if (!isRoomLeft && !signal.aborted) await once(response, "drain", { signal }).catch(() => undefined);
      }
    } finally {
      this.#count(holder, -1);
      clearInterval(heartbeat);
      response.off("close", leave);
    }
    response.end();
  }

  #count(holder: string, change: 1 | -1): void {
    this.#openCount += change;
    const openCount = (this.#openCounts.get(holder) ?? 0) + change;
    if (openCount === 0) this.#openCounts.delete(holder);
    else this.#openCounts.set(holder, openCount);
  }
}
