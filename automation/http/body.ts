import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { MillwrightError } from "../../model/errors.ts";
import type { Hold } from "../entrance/room.ts";
import { GrowingBuffer } from "./growing-buffer.ts";

/** A body as it came, inflated. */
export interface RawBody {
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * Reads a whole body within `maxBytes`, counted both as sent and inflated: of a gzip bomb no more than that is ever
 * held. undefined when there is none.
 * @param keep - told how much is held, as it comes; refuses by throwing
 * @throws MillwrightError `media-type-unsupported`, `body-too-large`, `body-unreadable`
 */
export async function readBody(
  request: IncomingMessage,
  mediaTypes: readonly string[],
  maxBytes: number,
  keep: Hold["keep"],
): Promise<RawBody | undefined> {
  const {
    "content-length": length,
    "transfer-encoding": chunked,
    "content-encoding": encoding,
  } = request.headers;
  if (chunked === undefined && (length === undefined || length === "0")) return undefined;
  const mediaType = mediaTypeOf(request.headers["content-type"], mediaTypes);
  if (encoding !== undefined && encoding !== "gzip" && encoding !== "identity")
    throw unsupported("The content encoding must be gzip or identity.");
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  const admit = (size: number) => {
    if (size > maxBytes) throw tooLarge(maxBytes);
    keep(size);
  };
  const bytes = await (encoding === "gzip" ? inflated(request, admit) : received(request, admit));
  return { mediaType, bytes };
}

function mediaTypeOf(contentType: string | undefined, allowed: readonly string[]): string {
  const [mediaType = "", ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)/.exec(parameter)?.[1]);
  const isUtf8 = charset.every((name) => name === undefined || name === "utf-8" || name === "utf8");
  if (!allowed.includes(mediaType.trim()) || !isUtf8)
    throw unsupported(`The content type must be ${allowed.join(" or ")}, in UTF-8.`);
  return mediaType.trim();
}

type Admit = (size: number) => void;

function received(request: IncomingMessage, admit: Admit): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let body: GrowingBuffer | undefined = new GrowingBuffer();
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    // What was refused is read on and dropped, until the server's request time-out: a client that is still writing
    // would otherwise meet a closed connection and never see the answer.
    if (body === undefined) return;
    size += chunk.length;
    try {
      admit(size);
      body.add(chunk);
    } catch (error) {
      body = undefined;
      reject(error);
    }
  });
  request.on("end", () => resolve(body?.bytes ?? Buffer.alloc(0)));
  request.on("error", () => reject(cutOff())); // whatever broke the connection, it is no fault of ours
  request.on("close", () => reject(cutOff()));
  return promise;
}

async function inflated(request: IncomingMessage, admit: Admit): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const gunzip = createGunzip();
  const body = new GrowingBuffer();
  let size = 0;
  const stop = (error: unknown) => {
    reject(error);
    request.unpipe(gunzip);
    request.resume();
    gunzip.destroy();
  };
  gunzip.on("data", (chunk: Buffer) => {
    size += chunk.length;
    try {
      admit(size);
      body.add(chunk);
    } catch (error) {
      stop(error);
    }
  });
  gunzip.on("end", () => resolve(body.bytes));
  gunzip.on("error", (cause) => {
    stop(new MillwrightError("body-unreadable", "The body is not whole gzip.", { cause }));
  });
  request.on("close", () => {
    if (!request.complete) stop(cutOff());
  });
  request.pipe(gunzip);
  return promise;
}

const unsupported = (message: string) => new MillwrightError("media-type-unsupported", message);
const cutOff = () => new MillwrightError("body-unreadable", "The connection ended within the body.");

function tooLarge(maxBytes: number): MillwrightError {
  const limit = maxBytes >= 1024 * 1024 ? `${maxBytes / 1024 / 1024} MiB` : `${maxBytes / 1024} KiB`;
  return new MillwrightError(
    "body-too-large",
    `The body is over ${limit}, as sent or inflated; send it in parts.`,
  );
}
