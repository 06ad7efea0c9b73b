import type pg from "pg";
import type { Connection, Submittable } from "pg";
import { copyOut } from "./copy-out.ts";

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
  readonly signal?: AbortSignal;
}

/**
 * Copies from one database into another as fast as the slower one goes; memory holds a few pieces. A failure, or the
 * signal, breaks both connections, and with them what the target has not committed.
 * @returns how many rows
 */
export async function copyPipe(
  source: PipeEnd,
  target: PipeEnd,
  { throttle, onBytes, signal }: PipeOptions = {},
): Promise<number> {
  signal?.throwIfAborted();
  // Without a word to the servers: one of them perhaps stands still.
  const breakOff = () => {
    for (const { client } of [source, target]) client.connection.stream.destroy();
  };
  signal?.addEventListener("abort", breakOff, { once: true });
  try {
    const into = target.client.query(new CopyInQuery(target.statement));
    await into.isOpen;
    const sent = copyOut(source.client, source.statement, async (frames) => {
      await throttle?.(frames.length);
      onBytes?.(frames.length);
      await into.write(frames);
    });
    // The target ends before the source only by a failure.
    await Promise.race([sent, into.done]);
    into.end();
    return await into.done;
  } catch (error) {
    breakOff();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", breakOff);
  }
}

/** A method of the driver that its types leave out. */
interface CopyConnection extends Connection {
  endCopyFrom(): void;
}

/** Takes frames of CopyData as another server has sent them. */
class CopyInQuery implements Submittable {
  readonly #statement: string;
  readonly #open = Promise.withResolvers<undefined>();
  readonly #outcome = Promise.withResolvers<number>();
  #connection: CopyConnection | undefined;
  #rowCount = 0;
  /** Wrapped by the driver where queries have a time limit; to be called at the end. */
  callback: (() => void) | undefined;

  constructor(statement: string) {
    this.#statement = statement;
    this.#outcome.promise.catch(() => undefined); // a statement that is refused fails `isOpen` first
  }

  /** Resolves when the server waits for data. */
  get isOpen(): Promise<undefined> {
    return this.#open.promise;
  }

  /** How many rows. */
  get done(): Promise<number> {
    return this.#outcome.promise;
  }

  async write(frames: Buffer): Promise<void> {
    const socket = this.#connection?.stream;
    if (socket === undefined || socket.write(frames)) return;
    const hasRoom = new Promise((resolve) => socket.once("drain", resolve));
    await Promise.race([hasRoom, this.done]);
  }

  end(): void {
    this.#connection?.endCopyFrom();
  }

  submit(connection: Connection): void {
    this.#connection = connection as CopyConnection;
    connection.query(this.#statement);
  }

  handleCopyInResponse(): void {
    this.#open.resolve(undefined);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rowCount = Number(text.replace("COPY ", ""));
  }

  handleError(error: unknown): void {
    this.callback?.();
    this.#open.reject(error);
    this.#outcome.reject(error);
  }

  handleReadyForQuery(): void {
    this.callback?.();
    this.#outcome.resolve(this.#rowCount); // of no effect behind an error
  }
}
