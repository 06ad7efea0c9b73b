import { gzipSync } from "node:zlib";
import * as z from "zod";
import type { FieldError } from "../../model/errors.ts";

/** Longest answer that is waited for: the service answers 202 before long work, so a minute means it is stuck. */
const CALL_TIMEOUT_MS = 60_000;
const GZIP_FROM_BYTES = 16_384;

const problemSchema = z.object({
  code: z.string(),
  title: z.string().optional(),
  detail: z.string().optional(),
  retryable: z.boolean().optional(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});

/** Where the service is and who asks. */
export interface Connection {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

interface CallFacts {
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly fields?: readonly FieldError[];
  readonly cause?: unknown;
}

/** A call that did not succeed: the service's problem+json, or no answer at all (`service-unreachable`). */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly fields: readonly FieldError[];

  constructor(code: string, message: string, facts: CallFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.retryable = facts.retryable;
    this.retryAfterMs = facts.retryAfterMs;
    this.fields = facts.fields ?? [];
  }
}

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON; gzipped when it is large. */
  readonly body?: object;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** @returns the parsed JSON of a 2xx answer, undefined when it has no body; throws CallFailed otherwise */
export async function callApi(connection: Connection, path: string, call: Call = {}): Promise<unknown> {
  const signals = [AbortSignal.timeout(CALL_TIMEOUT_MS), ...(call.signal === undefined ? [] : [call.signal])];
  const response = await openResponse(connection, path, { ...call, signal: AbortSignal.any(signals) });
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(connection, cause, call.signal);
  });
  return text === "" ? undefined : parseJson(text, connection);
}

/** A 2xx answer whose body is still to be read; no time-out but the caller's signal. */
export async function openResponse(connection: Connection, path: string, call: Call): Promise<Response> {
  const url = new URL(`${connection.url}${path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers = new Headers({
    authorization: `Bearer ${connection.token}`,
    accept: "application/json",
    ...call.headers,
  });
  const body = call.body === undefined ? undefined : encode(call.body, headers);
  const init = { method: call.method ?? "GET", headers, redirect: "error" as const }; // a token follows no redirect
  const response = await fetch(url, {
    ...init,
    ...(body === undefined ? {} : { body }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  }).catch((cause: unknown) => {
    throw unreachable(connection, cause, call.signal);
  });
  if (!response.ok) throw await callFailed(response);
  return response;
}

function encode(body: object, headers: Headers): string | Buffer<ArrayBuffer> {
  headers.set("content-type", "application/json");
  const json = JSON.stringify(body);
  if (json.length < GZIP_FROM_BYTES) return json;
  headers.set("content-encoding", "gzip");
  return gzipSync(json);
}

async function callFailed(response: Response): Promise<CallFailed> {
  const text = await response.text().catch(() => "");
  const problem = problemSchema.safeParse(safeJson(text));
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(retryAfterS) ? { retryAfterMs: retryAfterS * 1_000 } : {};
  // 5xx without our problem+json comes from a proxy, or from a service that is being stopped.
  const isOverload = [429, 502, 503, 504].includes(response.status);
  if (!problem.success) {
    const message = `The service answered ${response.status} without saying why; its log has the reason.`;
    return new CallFailed("internal", message, { retryable: isOverload, ...retryAfter });
  }
  const { code, title, detail, retryable, errors } = problem.data;
  return new CallFailed(code, detail ?? title ?? code, {
    retryable: isOverload || retryable === true,
    fields: errors ?? [],
    ...retryAfter,
  });
}

function unreachable({ url }: Connection, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason; // the person's Ctrl-C, not a fault of the service
  const system = (cause as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  const reason = typeof system === "string" ? system : cause instanceof Error ? cause.message : "no answer";
  const message = `No answer from ${url} (${reason}). Is the service running? npx millwright doctor tells.`;
  return new CallFailed("service-unreachable", message, { retryable: true, cause });
}

function parseJson(text: string, { url }: Connection): unknown {
  const value = safeJson(text);
  if (value !== undefined) return value;
  const message = `${url} did not answer with JSON: is it Millwright?`;
  throw new CallFailed("internal", message, { retryable: false });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
