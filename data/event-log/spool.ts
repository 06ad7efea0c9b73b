import { open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import { MillwrightError } from "../../model/errors.ts";
import type { NewRecord } from "./event-log.ts";

export interface Entry {
  readonly records: readonly NewRecord[];
  /** Where the next one begins. */
  readonly end: number;
}

interface Writing {
  readonly line: Buffer;
  readonly done: PromiseWithResolvers<void>;
}

const READ_BYTES = 1 << 20;

/**
 * Appends that wait on disk, oldest first: a file of lines, each a checksum and the records of one append. What was
 * added is synced before it counts, and a line that a crash cut short was never promised to anybody. There is no note
 * of what has been taken: the file is emptied when all of it was, so a crash in between gives entries out again.
 */
export class Spool {
  readonly #file: FileHandle;
  readonly #maxBytes: number;
  #readAt = 0;
  #end: number;
  #writing: Writing[] = [];
  #writer: Promise<void> | undefined;

  private constructor(file: FileHandle, maxBytes: number, end: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#end = end;
  }

  /** Opens the file and finds the end of what was promised. */
  static async open(folder: string, maxBytes: number): Promise<Spool> {
    const name = path.join(folder, "intake.spool");
    await (await open(name, "a", 0o600)).close();
    await syncFolder(folder);
    const file = await open(name, "r+");
    const spool = new Spool(file, maxBytes, (await file.stat()).size);
    let end = 0;
    for await (const entry of spool.#entries(0)) end = entry.end;
    spool.#end = end;
    await file.truncate(end);
    return spool;
  }

  get isEmpty(): boolean {
    return this.#readAt === this.#end && this.#writer === undefined;
  }

  /** Bytes of the file; it shrinks when it has been emptied. */
  get bytes(): number {
    return this.#end;
  }

  /**
   * Resolves when the records are on disk; what is added meanwhile shares the sync.
   * @throws MillwrightError `log-unavailable` when there is no room, or the disk refuses
   */
  async add(records: readonly NewRecord[]): Promise<void> {
    const done: PromiseWithResolvers<void> = Promise.withResolvers();
    this.#writing.push({ line: lineOf(records), done });
    this.#writer ??= this.#write();
    await done.promise;
  }

  /** The oldest entries, a megabyte of them; they stay until {@link taken} is told. */
  async oldest(): Promise<readonly Entry[]> {
    const start = this.#readAt;
    const entries: Entry[] = [];
    for await (const entry of this.#entries(start)) {
      entries.push(entry);
      if (entry.end - start >= READ_BYTES) break;
    }
    return entries;
  }

  /** The log has everything up to this entry. */
  async taken({ end }: Entry): Promise<void> {
    this.#readAt = end;
    if (!this.isEmpty) return;
    this.#writer = this.#empty();
    await this.#writer;
  }

  async close(): Promise<void> {
    await this.#writer;
    await this.#file.close();
  }

  /** As a writer, so that nothing is written into a file that is about to be cut. */
  async #empty(): Promise<void> {
    this.#readAt = 0;
    this.#end = 0;
    await this.#file.truncate(0).catch(() => undefined); // what is left of the former is written over
    await this.#write();
  }

  async #write(): Promise<void> {
    while (this.#writing.length > 0) {
      const group = this.#writing.splice(0);
      const fitting: Writing[] = [];
      let bytes = 0;
      for (const writing of group) {
        if (this.#end + bytes + writing.line.length > this.#maxBytes) writing.done.reject(full());
        else {
          fitting.push(writing);
          bytes += writing.line.length;
        }
      }
      try {
        const lines = Buffer.concat(fitting.map(({ line }) => line));
        // At a place of our own choice: what a failed write has left of itself is written over by the next one.
        await this.#file.write(lines, 0, lines.length, this.#end);
        await this.#file.datasync();
        this.#end += lines.length;
        for (const { done } of fitting) done.resolve();
      } catch (cause) {
        for (const { done } of fitting) done.reject(full(cause));
      }
    }
    this.#writer = undefined;
  }

  /** Whole lines from `start` on, up to the first that is not. */
  async *#entries(start: number): AsyncGenerator<Entry> {
    let at = start;
    let rest = Buffer.alloc(0);
    for (let next = start; next < this.#end;) {
      const chunk = Buffer.alloc(Math.min(READ_BYTES, this.#end - next));
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, next);
      if (bytesRead === 0) return;
      next += bytesRead;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let cut; (cut = rest.indexOf("\n")) !== -1; rest = rest.subarray(cut + 1)) {
        const records = recordsIn(rest.subarray(0, cut));
        if (records === undefined) return;
        at += cut + 1;
        yield { records, end: at };
      }
    }
  }
}

/** A new file is there after a power cut only when its folder was synced too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}

function lineOf(records: readonly NewRecord[]): Buffer {
  const json = JSON.stringify(
    records.map((record) => ({ ...record, value: record.value.toString("base64") })),
  );
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

function recordsIn(line: Buffer): readonly NewRecord[] | undefined {
  const text = line.toString();
  const json = text.slice(9);
  if (text.slice(0, 8) !== checksum(json)) return undefined;
  const records = JSON.parse(json) as readonly (Omit<NewRecord, "value"> & { readonly value: string })[];
  return records.map((record) => ({ ...record, value: Buffer.from(record.value, "base64") }));
}

const checksum = (text: string) => crc32(text).toString(16).padStart(8, "0");

function full(cause?: unknown): MillwrightError {
  const message = "The event log does not answer, and what waits for it fills its room on disk; try again.";
  return new MillwrightError("log-unavailable", message, { retryable: true, cause });
}
