import type pg from "pg";
import { timesOf } from "../../data/catalog/alert.ts";
import { claimDeliveries, OUTBOX, recordTry, type ClaimedDelivery } from "../../data/catalog/delivery.ts";
import { listen } from "../../data/listen.ts";
import { Bell, pause } from "../../data/wait.ts";
import { stageLatencies, type StageLatencies } from "../../model/alert-latency.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { WebhookPolicy } from "./webhook-guard.ts";
import { postWebhook, WEBHOOK_TIMEOUT_MS } from "./webhook.ts";

const POLL_MS = 500; // retries fall due without anybody saying so
// A slow receiver holds this many slots, of its own and no other's. Fewer: a burst of alerts waits behind itself.
const PER_CHANNEL = 16;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
// Longer than one try with its record: a lease that ends before its try would send twice for nothing.
// Much longer, and what a killed dispatcher held would wait for nothing.
const LEASE_MS = WEBHOOK_TIMEOUT_MS * 2;

/** What is worth measuring; all optional. */
export interface NotifyObserver {
  readonly onTry?: (result: { readonly isDelivered: boolean; readonly durationMs: number }) => void;
  /** The first receiver has taken a raised alert. */
  readonly onNotified?: (notified: { readonly tenant: string; readonly latencyMs: StageLatencies }) => void;
  readonly onError?: (error: unknown) => void;
}

export interface DispatcherDeps {
  /** The catalog, as its service role. */
  readonly pool: pg.Pool;
  readonly privateWebhooks: WebhookPolicy;
  readonly observe?: NotifyObserver;
  readonly now?: () => number;
}

/**
 * Sends what the outbox holds until `signal` aborts, then waits for the tries in hand. A delivery is *due*; claimed, it
 * is under a *lease* for as long as a try may take; then *delivered* by a 2xx, or due again after a growing pause. A
 * killed dispatcher leaves leases that run out: the delivery is sent again under the same id, at least once.
 */
export async function runDispatcher(deps: DispatcherDeps, signal: AbortSignal): Promise<void> {
  const { pool, observe = {} } = deps;
  const inFlight = new Map<string, number>();
  const tries = new Set<Promise<void>>();
  const bell = new Bell();
  const rouse = () => bell.ring();
  const listening = listen(pool, [OUTBOX], rouse, signal);
  signal.addEventListener("abort", rouse);

  while (!signal.aborted) {
    try {
      const claimed = await claimDeliveries(pool, { leaseMs: LEASE_MS, perChannel: PER_CHANNEL, inFlight });
      for (const delivery of claimed) {
        const { channel } = delivery;
        inFlight.set(channel, (inFlight.get(channel) ?? 0) + 1);
        const trying = deliver(deps, delivery, signal).finally(() => {
          const left = (inFlight.get(channel) ?? 1) - 1;
          if (left === 0) inFlight.delete(channel);
          else inFlight.set(channel, left);
          tries.delete(trying);
          rouse(); // a slot is free
        });
        tries.add(trying);
      }
    } catch (error) {
      observe.onError?.(error);
      await pause(POLL_MS, signal);
    }
    await bell.wait(POLL_MS);
  }
  await Promise.all(tries);
  await listening;
}

/** One try with its record; never rejects. */
async function deliver(deps: DispatcherDeps, claimed: ClaimedDelivery, signal: AbortSignal): Promise<void> {
  const { pool, observe = {}, now = Date.now } = deps;
  const startedAtMs = now();
  const started = performance.now();
  let status: number | null = null;
  let failure: string | null = null;
  try {
    const { url, secret } = claimed;
    const body = JSON.stringify(bodyOf(claimed));
    status = await postWebhook({
      url,
      secret,
      body,
      policy: deps.privateWebhooks,
      nowMs: startedAtMs,
      signal,
    });
  } catch (error) {
    failure = reasonOf(error);
  }
  const isDelivered = status !== null && status >= 200 && status < 300;
  const durationMs = Math.round(performance.now() - started);
  observe.onTry?.({ isDelivered, durationMs });
  if (isDelivered && claimed.event === "alert.raised" && claimed.notified_at === null) {
    const { tenant, delay_ms } = claimed;
    const latencyMs = stageLatencies({ ...timesOf(claimed), notified: now() }, Number(delay_ms));
    observe.onNotified?.({ tenant, latencyMs });
  }
  const retryInMs = isDelivered
    ? undefined
    : Math.min(FIRST_RETRY_MS * 2 ** (claimed.tries - 1), MAX_RETRY_MS);
  try {
    await recordTry(pool, claimed, { startedAtMs, durationMs, status, error: failure, retryInMs });
  } catch (error) {
    observe.onError?.(error); // its lease runs out and it is sent again
  }
}

function bodyOf(claimed: ClaimedDelivery) {
  const {
    delivery: id,
    event,
    alert: alertId,
    tenant,
    rule,
    machine_id: machineId,
    severity,
    value,
  } = claimed;
  return { id, event, alertId, tenant, rule, machineId, severity, value, times: timesOf(claimed) };
}

/** A reason for the delivery's record; the addresses in a system error's message are nothing for a tenant to see. */
function reasonOf(error: unknown): string {
  if (error instanceof MillwrightError) return error.message;
  const { name, code } = error as { name?: string; code?: string };
  if (name === "AbortError" || name === "TimeoutError") return `no answer within ${WEBHOOK_TIMEOUT_MS} ms`;
  return code ?? "connection failed";
}
