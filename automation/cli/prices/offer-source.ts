import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { MillwrightError } from "../../../model/errors.ts";
import { invalid } from "./offer-file.ts";

/** AWS serves its price lists to everybody, without credentials. */
export const AWS_PRICE_LISTS = "https://pricing.us-east-1.amazonaws.com";

export interface SourceLimits {
  /** Of one file as it is read; the largest today, EC2 in us-east-1, has about 300 MB. */
  readonly maxFileBytes: number;
  /** Without an answer, or between two parts of it. */
  readonly maxSilenceMs: number;
}
export const SOURCE_LIMITS: SourceLimits = { maxFileBytes: 1 << 30, maxSilenceMs: 30_000 };

const MAX_REDIRECTS = 3;
// Object stores that may not list what they have answer 403 for what they do not have.
const NOT_THERE = [403, 404];

/** Opens one file; undefined where there is none, as for a service that a region does not have. */
export type OpenFile = (file: string, signal: AbortSignal) => Promise<Readable | undefined>;

/** @param from - an https address or a folder with the same paths below it */
export function fileSource(from: string, limits = SOURCE_LIMITS): OpenFile {
  if (!/^https?:\/\//i.test(from)) return (file) => openLocal(path.join(from, file), limits);
  const base = new URL(from);
  return (file, signal) => openRemote(new URL(`/${file}`, base), limits, signal);
}

async function openLocal(file: string, limits: SourceLimits): Promise<Readable | undefined> {
  const found = await stat(file).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unavailable(file, String(cause), cause);
  });
  return (
    found &&
    Readable.from(limited(file, createReadStream(file) as AsyncIterable<Buffer>, limits, () => undefined))
  );
}

async function openRemote(
  url: URL,
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<Readable | undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(unavailable(url.href, `nothing came for ${limits.maxSilenceMs / 1_000} s`));
  }, limits.maxSilenceMs);
  try {
    const response = await follow(url, AbortSignal.any([signal, silence.signal]));
    const body = NOT_THERE.includes(response.status) ? undefined : checkedBody(url, response);
    if (body === undefined) {
      clearTimeout(timer);
      return undefined;
    }
    const chunks = limited(url.href, body, limits, () => timer.refresh());
    return Readable.from(chunks).once("close", () => clearTimeout(timer));
  } catch (cause) {
    clearTimeout(timer);
    if (cause instanceof MillwrightError) throw cause;
    throw unavailable(url.href, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function follow(start: URL, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let count = 0; count <= MAX_REDIRECTS; count += 1) {
    if (!isTrusted(url)) throw unavailable(start.href, `${url.protocol} is not https`);
    const response = await fetch(url, { redirect: "manual", signal });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    url = new URL(location, url);
    // Whoever can answer for the host can also lead elsewhere; prices are taken from where they were asked for.
    if (url.host !== start.host) throw unavailable(start.href, `it leads to another host, ${url.host}`);
  }
  throw unavailable(start.href, `it leads on more than ${MAX_REDIRECTS} times`);
}

/** Plain http stays on this machine. */
function isTrusted({ protocol, hostname }: URL): boolean {
  return (
    protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname))
  );
}

function checkedBody(url: URL, response: Response): AsyncIterable<Uint8Array> {
  if (response.ok && response.body !== null) return response.body;
  throw unavailable(url.href, `the answer is ${response.status}`);
}

async function* limited(
  file: string,
  content: AsyncIterable<Uint8Array>,
  { maxFileBytes }: SourceLimits,
  onPart: () => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const part of content) {
      onPart();
      bytes += part.length;
      if (bytes > maxFileBytes) throw invalid(file, `it is larger than ${maxFileBytes / (1 << 20)} MiB`);
      yield Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    }
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    throw unavailable(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unavailable(file: string, reason: string, cause?: unknown): MillwrightError {
  return new MillwrightError("price-list-unavailable", `The price list ${file} cannot be read: ${reason}.`, {
    cause,
    retryable: true,
  });
}
