/** A bucket of `burst` calls that refills steadily. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A machine's gateway may send a day's backlog; what it may not do is keep a core busy for ever. */
export const CREDENTIAL_RATE: Rate = { burst: 2_000, perSecond: 500 };
/** A person mistypes, a guesser does not stop: 256 random bits are safe, the log and the catalog need the rest. */
export const FAILED_LOGIN_RATE: Rate = { burst: 50, perSecond: 1 };

/** Buckets kept before those that have refilled, and so say nothing, are dropped. */
const SWEEP_AT = 10_000;

/** Token buckets by name (a credential, an address), in the memory of this process. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(rate: Rate, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Takes one call; answers 0, or the seconds after which the next one will be taken. */
  take(name: string): number {
    const nowMs = this.#nowMs();
    if (this.#buckets.size >= SWEEP_AT && !this.#buckets.has(name)) this.#sweep(nowMs);
    const bucket = this.#buckets.get(name) ?? { tokens: this.#rate.burst, atMs: nowMs };
    const tokens = this.#refilled(bucket, nowMs);
    this.#buckets.set(name, { tokens: tokens < 1 ? tokens : tokens - 1, atMs: nowMs });
    return tokens < 1 ? Math.ceil((1 - tokens) / this.#rate.perSecond) : 0;
  }

  #refilled({ tokens, atMs }: { readonly tokens: number; readonly atMs: number }, nowMs: number): number {
    const { burst, perSecond } = this.#rate;
    return Math.min(burst, tokens + (Math.max(0, nowMs - atMs) / 1_000) * perSecond);
  }

  #sweep(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (this.#refilled(bucket, nowMs) >= this.#rate.burst) this.#buckets.delete(name);
    }
  }
}
