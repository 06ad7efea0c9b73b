import { setTimeout as wait } from "node:timers/promises";
import { CallFailed, openResponse, type Connection } from "./api-client.ts";

/** One server-sent event; `data` is its text. */
export interface StreamEvent {
  readonly id: string | undefined;
  readonly kind: string;
  readonly data: string;
}

const RECONNECT_MS = 500;
const MAX_FAILURES_IN_A_ROW = 60; // half a minute: a restart of the service takes seconds

/**
 * Follows a stream of events; after a broken connection it goes on behind the last event that was seen. The caller
 * leaves the loop after the last event it wants.
 */
export async function* followEvents(
  connection: Connection,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  let lastId: string | undefined;
  let failures = 0;
  for (;;) {
    try {
      const headers = {
        accept: "text/event-stream",
        ...(lastId === undefined ? {} : { "last-event-id": lastId }),
      };
      const response = await openResponse(connection, path, { headers, signal });
      failures = 0;
      for await (const event of parseEvents(response)) {
        lastId = event.id ?? lastId;
        yield event;
      }
    } catch (error) {
      signal.throwIfAborted();
      const isLost = !(error instanceof CallFailed) || error.retryable;
      failures += 1;
      if (!isLost || failures >= MAX_FAILURES_IN_A_ROW) throw error;
    }
    await wait(RECONNECT_MS, undefined, { signal });
  }
}

/** The `text/event-stream` format of the HTML standard, section 9.2.6, as far as our service writes it. */
async function* parseEvents(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let buffer = "";
  for await (const bytes of response.body ?? []) {
    buffer += decoder.decode(bytes as Uint8Array, { stream: true });
    const blocks = buffer.split(/\r?\n\r?\n/);
    buffer = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event !== undefined) yield event;
    }
  }
}

function parseBlock(block: string): StreamEvent | undefined {
  let id: string | undefined;
  let kind = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "id") id = value;
    if (field === "event") kind = value;
    if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { id, kind, data: data.join("\n") }; // a comment is a heartbeat
}
