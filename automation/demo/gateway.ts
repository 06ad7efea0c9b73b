import type { WireReading } from "../../model/reading.ts";
import type { Measured } from "../../model/site-simulation.ts";

/** A batch keeps its id until it is acknowledged, so that a lost answer doubles nothing. */
export interface OutgoingBatch {
  readonly batchId: string;
  readonly readings: readonly WireReading[];
}

// Ten minutes of one plant. A platform that is away for longer loses the oldest, as at a gateway whose flash is full.
const MAX_WAITING = 10_000;
const MAX_BATCH = 1_000;

/**
 * What stands between the machines of a plant and the platform: it holds back what a machine without a link measures,
 * and sends it, late and in order, when the link is back.
 */
export class Gateway {
  readonly #held = new Map<string, WireReading[]>();
  readonly #newBatchId: () => string;
  #waiting: WireReading[] = [];
  #current: OutgoingBatch | undefined;

  constructor(newBatchId: () => string) {
    this.#newBatchId = newBatchId;
  }

  add(measured: readonly Measured[]): void {
    for (const { deviceId, reading, isLinkUp } of measured) {
      const held = this.#held.get(deviceId) ?? [];
      if (isLinkUp) {
        this.#waiting.push(...held, reading);
        this.#held.delete(deviceId);
      } else {
        this.#held.set(deviceId, [...held, reading]);
      }
    }
    this.#waiting = this.#waiting.slice(-MAX_WAITING);
  }

  /** The batch to send now, undefined when there is nothing; the same one until it is acknowledged. */
  next(): OutgoingBatch | undefined {
    if (this.#current === undefined && this.#waiting.length > 0) {
      this.#current = { batchId: this.#newBatchId(), readings: this.#waiting.splice(0, MAX_BATCH) };
    }
    return this.#current;
  }

  acknowledge(): void {
    this.#current = undefined;
  }
}
