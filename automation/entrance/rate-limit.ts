/** A bucket of `burst` calls that refills steadily. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A machine's gateway may send a day's backlog; what it may not do is keep a core busy for ever. */
export const CREDENTIAL_RATE: Rate = { burst: 2_000, perSecond: 500 };
/** A person mistypes, a guesser does not stop: 256 random bits are safe, the log and the catalog need the rest. */
export const FAILED_LOGIN_RATE: Rate = { burst: 50, perSecond: 1 };

/** Some 10 MB. Beyond it the bucket that was used longest ago goes, and whoever it was for starts with a full one. */
const MAX_BUCKETS = 50_000;

/** Token buckets by name (a credential, an address), in the memory of this process. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  /** The one used last stands last. */
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();

  constructor(rate: Rate, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Takes one call; answers 0, or the seconds after which the next one will be taken. */
  take(name: string): number {
    const tokens = this.#tokensOf(name);
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: tokens < 1 ? tokens : tokens - 1, atMs: this.#nowMs() });
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value ?? "");
    return this.#secondsToWait(tokens);
  }

  /** What {@link take} would answer. */
  look(name: string): number {
    return this.#secondsToWait(this.#tokensOf(name));
  }

  #tokensOf(name: string): number {
    const { burst, perSecond } = this.#rate;
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.tokens + (Math.max(0, this.#nowMs() - bucket.atMs) / 1_000) * perSecond);
  }

  #secondsToWait(tokens: number): number {
    return tokens < 1 ? Math.ceil((1 - tokens) / this.#rate.perSecond) : 0;
  }
}
