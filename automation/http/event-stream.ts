import { once } from "node:events";
import type { Response } from "express";
import { revokedKeys } from "../../data/catalog/api-key.ts";
import type { Queryable } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { ADMIN_TOKEN_ID } from "../entrance/token-check.ts";
import type { Caller } from "./authenticate.ts";

export interface StreamedEvent {
  readonly id: number;
  readonly kind: string;
  readonly at: string;
  readonly payload: object;
}

/** Proxies close what is silent for a minute; a client that is gone is noticed by the write. */
const HEARTBEAT_MS = 15_000;
/** A stream outlives its login: that of a revoked key ends within this and the time of one query. */
const REVOCATION_CHECK_MS = 2_000;
/** Each holds a connection and a listener for as long as it likes. */
const MAX_STREAMS = 256;
/** A wall of dashboards; more, and one tenant leaves its neighbours none. */
const MAX_STREAMS_PER_HOLDER = 32;

/** Server-sent events, one stream per follower. */
export class EventStreams {
  readonly #keys: Queryable;
  readonly #stopping: AbortSignal;
  #openCount = 0;
  readonly #openCounts = new Map<string, number>();

  /** @param keys - sees the keys of all tenants */
  constructor(keys: Queryable, stopping: AbortSignal) {
    this.#keys = keys;
    this.#stopping = stopping;
  }

  /**
   * Writes events until the source ends, the client leaves, its key is revoked or the service stops.
   * @throws MillwrightError `too-many-requests`
   */
  async send(
    response: Response,
    caller: Caller,
    source: (signal: AbortSignal) => AsyncIterable<StreamedEvent>,
  ): Promise<void> {
    const holder = caller.tenant ?? caller.id;
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
    const check = setInterval(() => {
      // A catalog that is away is asked again; the events come from it too.
      this.#isRevoked(caller).then(
        (isRevoked) => isRevoked && leave(),
        () => undefined,
      );
    }, REVOCATION_CHECK_MS);
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
      clearInterval(check);
      response.off("close", leave);
    }
    response.end();
  }

  async #isRevoked({ id }: Caller): Promise<boolean> {
    return id !== ADMIN_TOKEN_ID && (await revokedKeys(this.#keys, [id])).length > 0;
  }

  #count(holder: string, change: 1 | -1): void {
    this.#openCount += change;
    const openCount = (this.#openCounts.get(holder) ?? 0) + change;
    if (openCount === 0) this.#openCounts.delete(holder);
    else this.#openCounts.set(holder, openCount);
  }
}
