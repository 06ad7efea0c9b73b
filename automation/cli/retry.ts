import { CallFailed } from "./api-client.ts";

export interface RetryOptions {
  /** Waits that long; rejects when the person interrupts. Comes in as an argument so that a test need not wait. */
  readonly wait: (ms: number) => Promise<void>;
  readonly onRetry: (error: CallFailed, waitMs: number) => void;
}

// 0.25 s doubled up to 10 s: twelve tries wait a little over a minute in all, longer than a restart of the service.
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;
const MAX_TRIES = 12;
// A server that asks for more than this would look like a hang: it is told to the person at the next try instead.
const MAX_RETRY_AFTER_MS = 60_000;

/** Calls again while the error says that the same call may succeed later; only for calls that are safe to repeat. */
export async function retrying<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CallFailed) || !error.retryable || attempt === MAX_TRIES) throw error;
      const backoffMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), MAX_WAIT_MS);
      const waitMs = Math.max(backoffMs, Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
      options.onRetry(error, waitMs);
      await options.wait(waitMs);
    }
  }
}
