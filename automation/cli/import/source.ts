import { open, stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MillwrightError } from "../../../model/errors.ts";

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Size and time of a file, to notice that somebody writes to it. */
export interface FileState {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * The content of a plain or gzipped file; told apart by its first bytes, not by its name. Its stream fails with bare
 * errors, which `unreadable` puts into words.
 * @throws MillwrightError `import-file-unreadable`
 */
export async function openContent(file: string, signal: AbortSignal): Promise<Readable> {
  const handle = await open(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const magic = Buffer.alloc(GZIP_MAGIC.length);
  try {
    await handle.read(magic, 0, magic.length, 0);
  } catch (cause) {
    await handle.close();
    throw unreadable(file, cause);
  }
  const raw = handle.createReadStream({ start: 0, signal });
  if (!magic.equals(GZIP_MAGIC)) return raw;
  // The reader of the content gets its error; the callback is there because pipeline wants one.
  return pipeline(raw, createGunzip(), () => undefined);
}

/** @throws MillwrightError `import-file-unreadable` */
export async function fileState(file: string): Promise<FileState> {
  const { size, mtimeMs } = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return { sizeBytes: size, modifiedMs: mtimeMs };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "reading it is not permitted",
  Z_BUF_ERROR: "the gzip data ends too early; copy the file again",
  Z_DATA_ERROR: "the gzip data is damaged; copy the file again",
  ABORT_ERR: "interrupted",
};

function reasonOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return (typeof code === "string" ? REASONS[code] : undefined) ?? String(cause);
}

/** @param reason - what is wrong with the file, and what to do; of the cause, when left out */
export function unreadable(file: string, cause: unknown, reason = reasonOf(cause)): MillwrightError {
  return new MillwrightError("import-file-unreadable", `${file}: ${reason}.`, { cause });
}
