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

/** Server-sent events, one stream per follower. */
export class EventStreams {
  readonly #stopping: AbortSignal;
  #openCount = 0;

  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /** Writes events until the source ends, the client leaves or the service stops. */
  async send(
    response: Response,
    source: (signal: AbortSignal) => AsyncIterable<StreamedEvent>,
  ): Promise<void> {
    if (this.#openCount >= MAX_STREAMS) {
      const message = "Too many event streams are open; ask for the operation itself instead.";
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
    this.#openCount += 1;
    try {
      for await (const { id, kind, at, payload } of source(signal)) {
        const isRoomLeft = response.write(
          `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ at, ...payload })}\n\n`,
        );
        if (!isRoomLeft && !signal.aborted) await once(response, "drain", { signal }).catch(() => undefined);
      }
    } finally {
      this.#openCount -= 1;
      clearInterval(heartbeat);
      response.off("close", leave);
    }
    response.end();
  }
}
