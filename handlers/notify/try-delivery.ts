import type pg from "pg";
import { timesOf } from "../../data/catalog/alert.ts";
import { openSecrets } from "../../data/catalog/channel.ts";
import { postponeDelivery, recordTry, type ClaimedDelivery } from "../../data/catalog/delivery-claim.ts";
import { markDigestNotified } from "../../data/catalog/delivery-digest.ts";
import type { Sealer } from "../../data/seal.ts";
import { stageLatencies, type StageLatencies } from "../../model/alert-latency.ts";
import type { ChannelKind } from "../../model/channel.ts";
import { nextOpenMs } from "../../model/channel-hours.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TryResult } from "./channels/channel-sender.ts";
import type { Senders } from "./channels/senders.ts";
import { messageOf } from "./message.ts";

/**
 * How long one try may take. A webhook's receiver that needs longer should answer first and work then; a mail server may
 * look up names and scan. Longer: a dead one holds its channel's slots.
 */
export const TRY_LIMIT_MS: Readonly<Record<ChannelKind, number>> = {
  ...{ webhook: 5_000, slack: 5_000, "in-app": 5_000 },
  ...{ email: 15_000, sms: 10_000, sns: 10_000 },
};
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
/** An alert of yesterday helps nobody, and a receiver that is dead for good must not be asked for ever. */
const GIVE_UP_MS = 24 * 3_600_000;

/** What is worth measuring; all optional. */
export interface NotifyObserver {
  readonly onTry?: (result: { readonly isDelivered: boolean; readonly durationMs: number }) => void;
  /** The first receiver has taken a raised alert that nothing held back on purpose. */
  readonly onNotified?: (notified: { readonly tenant: string; readonly latencyMs: StageLatencies }) => void;
  readonly onError?: (error: unknown) => void;
}

export interface DispatcherDeps {
  /** The catalog, as its service role. */
  readonly pool: pg.Pool;
  readonly sealer: Sealer;
  readonly senders: Senders;
  readonly observe?: NotifyObserver;
  readonly now?: () => number;
}

/** One try with its record; never rejects: what fails here comes back when its lease is over. */
export async function tryDelivery(
  deps: DispatcherDeps,
  claimed: ClaimedDelivery,
  stopping: AbortSignal,
): Promise<void> {
  const { pool, observe = {}, now = Date.now } = deps;
  try {
    const startedAtMs = now();
    // A test is asked for by somebody who is looking.
    const openMs =
      claimed.hours === null || claimed.event === "channel.test"
        ? startedAtMs
        : nextOpenMs(claimed.hours, startedAtMs);
    if (openMs > startedAtMs) return await postponeDelivery(pool, claimed, openMs);
    const started = performance.now();
    const { result, status, error } = await send(deps, claimed, startedAtMs, stopping);
    const durationMs = Math.round(performance.now() - started);
    const isDelivered = result === "delivered";
    observe.onTry?.({ isDelivered, durationMs });
    if (isDelivered) observeLatency(deps, claimed);
    const outcome = isDelivered ? "delivered" : nextStep(claimed, result, startedAtMs);
    await recordTry(pool, claimed, { startedAtMs, durationMs, status, error, outcome });
    if (isDelivered && claimed.event === "alert.digest")
      await markDigestNotified(pool, claimed.tenant, claimed.delivery);
  } catch (error) {
    observe.onError?.(error);
  }
}

async function send(
  { pool, sealer, senders }: DispatcherDeps,
  claimed: ClaimedDelivery,
  nowMs: number,
  stopping: AbortSignal,
): Promise<TryResult> {
  const { kind, tenant, channel, settings } = claimed;
  const limit = AbortSignal.timeout(TRY_LIMIT_MS[kind]);
  try {
    const sender = senders[kind];
    if (sender === undefined) return failed(`this installation is not set up to send by ${kind}`);
    const secrets = openSecrets(sealer, tenant, channel, claimed.sealed);
    const message = await messageOf(pool, claimed);
    const signal = AbortSignal.any([stopping, limit]);
    return await sender({ settings, secrets, ...message, nowMs, signal });
  } catch (error) {
    return failed(limit.aborted ? `no answer within ${TRY_LIMIT_MS[kind]} ms` : reasonOf(error));
  }
}

const failed = (error: string): TryResult => ({ result: "failed", status: null, error });

/** A reason for the delivery's record; the addresses in a system error's message are nothing for a tenant to see. */
function reasonOf(error: unknown): string {
  if (error instanceof MillwrightError) return error.message;
  const { name, code } = error as { name?: string; code?: string };
  if (name === "AbortError" || name === "TimeoutError") return "the dispatcher stopped";
  return code ?? "connection failed";
}

/** A pause that doubles, until there was a day of them. */
function nextStep(
  { tries, first_tried_at }: ClaimedDelivery,
  result: "failed" | "refused",
  nowMs: number,
): "given-up" | { readonly retryInMs: number } {
  const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), MAX_RETRY_MS);
  const isOver = nowMs + retryInMs > first_tried_at.getTime() + GIVE_UP_MS;
  return result === "refused" || isOver ? "given-up" : { retryInMs };
}

function observeLatency({ observe = {}, now = Date.now }: DispatcherDeps, claimed: ClaimedDelivery): void {
  const { alert, event, tenant, wait_ms } = claimed;
  if (alert === null || event !== "alert.raised" || alert.notified_at !== null || wait_ms > 0n) return;
  const latencyMs = stageLatencies({ ...timesOf(alert), notified: now() }, Number(alert.delay_ms));
  observe.onNotified?.({ tenant, latencyMs });
}
