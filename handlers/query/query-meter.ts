import { randomUUID } from "node:crypto";
import type { MeteredMinute } from "../../data/catalog/usage-minute.ts";
import type { TenantId } from "../../model/tenant.ts";
import { startOf } from "../../model/usage.ts";

/** A day of a thousand tenants fits; more than that the catalog is not away without somebody's knowing. */
const MAX_KEPT = 1_440_000;

/** Longer than a clock is set back: a minute that begins again from nothing would take the place of what it had. */
const KEPT_MS = 5 * 60_000;

interface Count {
  readonly tenant: TenantId;
  readonly cell: string;
  readonly minuteMs: number;
  queryCount: number;
  queryMs: number;
  isWritten: boolean;
}

/**
 * Counts queries in memory and writes them now and then: to count one costs no I/O. What is written of a minute is all
 * that this process counted in it, under the process's own name, so a write whose answer was lost is simply made again.
 * A process that is killed takes with it what it has not written yet.
 */
export class QueryMeter {
  readonly #meter = randomUUID();
  readonly #counts = new Map<string, Count>();
  readonly #write: (minutes: readonly MeteredMinute[]) => Promise<void>;

  constructor(write: (minutes: readonly MeteredMinute[]) => Promise<void>) {
    this.#write = write;
  }

  /** @param durationMs - how long the database was busy with the query */
  count(tenant: TenantId, cell: string, endedAtMs: number, durationMs: number): void {
    const minuteMs = startOf("minute", endedAtMs);
    const key = `${tenant} ${minuteMs} ${cell}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { tenant, cell, minuteMs, queryCount: 0, queryMs: 0, isWritten: false };
      this.#counts.set(key, count);
      this.#forgetOldest();
    }
    count.queryCount++;
    count.queryMs += durationMs;
    count.isWritten = false;
  }

  /** Writes what has changed since the last time, in one statement. */
  async flush(nowMs: number): Promise<void> {
    const changed = [...this.#counts.values()].filter(({ isWritten }) => !isWritten);
    for (const count of changed) count.isWritten = true; // a query that ends from now on unsets it again
    try {
      await this.#write(
        changed.map(({ tenant, cell, minuteMs, queryCount, queryMs }) => ({
          ...{ tenant, cell, minuteMs, meter: this.#meter },
          ...{ queryCount, queryMs },
        })),
      );
    } catch (error) {
      for (const count of changed) count.isWritten = false;
      throw error;
    }
    for (const [key, { minuteMs, isWritten }] of this.#counts)
      if (isWritten && minuteMs < nowMs - KEPT_MS) this.#counts.delete(key);
  }

  #forgetOldest(): void {
    if (this.#counts.size <= MAX_KEPT) return;
    const oldest = this.#counts.keys().next();
    if (oldest.done !== true) this.#counts.delete(oldest.value);
  }
}
