import type { Duplex } from "node:stream";
import type pg from "pg";
import type { Connection, Submittable } from "pg";
import { FrameSplitter } from "./frame-splitter.ts";

/**
 * Hands on what a `COPY … TO STDOUT` sends, in the frames in which it comes: taken as they are by a `COPY … FROM STDIN`.
 * The driver would make an object of each row, and the usual stream on top of it unpacks and packs each one again; on two
 * cores that took a fifth of the time of a copy between two databases, which the databases lacked.
 *
 * @param forward - resolves when it has room for more; a rejection ends the connection
 * @returns how many rows
 */
export function copyOut(
  client: pg.Client,
  statement: string,
  forward: (frames: Buffer) => Promise<void>,
): Promise<number> {
  return client.query(new CopyOutQuery(statement, forward)).done;
}

type Listener = (bytes: Buffer) => void;

/** What the driver calls while the query is its active one. */
class CopyOutQuery implements Submittable {
  readonly #statement: string;
  readonly #forward: (frames: Buffer) => Promise<void>;
  readonly #outcome = Promise.withResolvers<number>();
  readonly #frames = new FrameSplitter();
  #socket: Duplex | undefined;
  #driver: Listener | undefined;
  #rowCount = 0;
  /** Wrapped by the driver where queries have a time limit; to be called at the end. */
  callback: (() => void) | undefined;

  constructor(statement: string, forward: (frames: Buffer) => Promise<void>) {
    this.#statement = statement;
    this.#forward = forward;
  }

  get done(): Promise<number> {
    return this.#outcome.promise;
  }

  submit(connection: Connection): void {
    this.#socket = connection.stream;
    [this.#driver] = this.#socket.listeners("data") as Listener[];
    if (this.#driver !== undefined) this.#socket.off("data", this.#driver);
    this.#socket.on("data", this.#take);
    connection.query(this.#statement);
  }

  readonly #take: Listener = (bytes) => {
    this.#socket?.pause();
    this.#handOn(bytes).then(
      () => this.#socket?.resume(),
      (error: unknown) => this.#socket?.destroy(error as Error),
    );
  };

  async #handOn(bytes: Buffer): Promise<void> {
    const { data, others } = this.#frames.split(bytes);
    for (const frames of data) await this.#forward(frames);
    for (const frames of others) this.#driver?.(frames);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rowCount = Number(text.replace("COPY ", ""));
  }

  handleError(error: unknown): void {
    this.#giveBack();
    this.#outcome.reject(error);
  }

  handleReadyForQuery(): void {
    this.#giveBack();
    this.#outcome.resolve(this.#rowCount);
  }

  /** The driver reads on by itself; behind an error the server still says that it is ready. */
  #giveBack(): void {
    this.callback?.();
    if (this.#socket === undefined || this.#driver === undefined) return;
    this.#socket.off("data", this.#take);
    this.#socket.on("data", this.#driver);
    const rest = this.#frames.rest();
    if (rest.length > 0) this.#driver(rest);
  }
}
