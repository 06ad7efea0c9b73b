import type { IPublishPacket } from "mqtt-packet";
import type { Intake } from "../entrance/intake.ts";
import { judged, understand, type Sender, type UnderstoodMessage } from "./message.ts";

/** Messages of a connection that may wait for the log; told to clients of MQTT 5 as Receive Maximum. */
export const RECEIVE_MAXIMUM = 200;
const MAX_WAITING_BYTES = 512 * 1024;

interface Waiting {
  readonly publish: IPublishPacket;
  readonly message: UnderstoodMessage;
}

export interface PipelineDeps {
  readonly intake: Intake;
  readonly sender: Sender;
  readonly nowMs: () => number;
  /** The log has it. Called in the order of the messages. */
  readonly onKept: (publish: IPublishPacket, message: UnderstoodMessage) => void;
  /** Nothing that was pushed and not kept will be. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The messages of one connection on their way into the log: one append at a time, of all that came during the one
 * before. So they keep their order whatever fails, and the log joins the appends of all connections into one commit.
 */
export class Pipeline {
  readonly #deps: PipelineDeps;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #count = 0;
  #working: Promise<void> | undefined;
  #hasFailed = false;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isBusy(): boolean {
    return this.#count > 0;
  }

  /** Resolves when the next message may be read: backpressure, as nothing is read from the socket meanwhile. */
  async push(publish: IPublishPacket): Promise<void> {
    if (this.#hasFailed) return; // what follows a message that was not kept would overtake it
    const { sender, nowMs } = this.#deps;
    this.#waiting.push({ publish, message: understand(publish, sender, nowMs()) });
    this.#bytes += publish.payload.length;
    this.#count += 1;
    this.#working ??= this.#work();
    while (this.#isFull()) await this.#working;
  }

  #isFull(): boolean {
    return !this.#hasFailed && (this.#count >= RECEIVE_MAXIMUM || this.#bytes >= MAX_WAITING_BYTES);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#appendAll(this.#waiting.splice(0));
    } catch (error) {
      this.#hasFailed = true;
      this.#waiting = [];
      this.#deps.onFailure(error);
    } finally {
      this.#working = undefined;
    }
  }

  async #appendAll(group: readonly Waiting[]): Promise<void> {
    const { intake, sender, nowMs, onKept } = this.#deps;
    await intake.append(sender.tenant, (topic) => group.flatMap(({ message }) => message.recordsFor(topic)));
    const machines = await intake.machinesOf(sender.tenant);
    for (const { publish, message } of group) {
      this.#bytes -= publish.payload.length;
      this.#count -= 1;
      onKept(publish, judged(message, machines, nowMs()));
    }
  }
}
