import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";

/** One end of a copy: rows out of a query, or into a table. */
export interface PipeEnd {
  readonly client: pg.Client;
  /** `COPY … (format binary)` */
  readonly statement: string;
}

export interface PipeOptions {
  /** Awaited with the size of each piece before it goes on: the copy is as slow as it asks. */
  readonly throttle?: (byteCount: number) => Promise<void>;
  /** Called with the size of each piece. */
  readonly onBytes?: (byteCount: number) => void;
  /** Ends the copy: both connections break, and with them what the target has not committed. */
  readonly signal?: AbortSignal;
}

/** Copies from one database into another as fast as the slower one goes; memory holds a few pieces. @returns how many rows */
export async function copyPipe(
  source: PipeEnd,
  target: PipeEnd,
  { throttle, onBytes, signal }: PipeOptions = {},
): Promise<number> {
  signal?.throwIfAborted();
  // Not by the streams: they would wait for what a server says that perhaps stands still.
  const breakOff = () => {
    for (const { client } of [source, target]) client.connection.stream.destroy();
  };
  signal?.addEventListener("abort", breakOff, { once: true });
  try {
    const rows = target.client.query(copyFrom(target.statement));
    await pipeline(
      source.client.query(copyTo(source.statement)),
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          await throttle?.(piece.length);
          onBytes?.(piece.length);
          yield piece;
        }
      },
      rows,
    );
    return rows.rowCount;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", breakOff);
  }
}
