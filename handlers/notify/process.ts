import { claimDeliveries } from "../../data/catalog/delivery-claim.ts";
import { collectDigests } from "../../data/catalog/delivery-digest.ts";
import { OUTBOX } from "../../data/catalog/delivery.ts";
import { listen } from "../../data/listen.ts";
import { Bell, pause } from "../../data/wait.ts";
import { TRY_LIMIT_MS, tryDelivery, type DispatcherDeps } from "./try-delivery.ts";

const POLL_MS = 500; // retries and escalations fall due without anybody saying so
// A slow receiver holds this many slots, of its own and no other's. Fewer: a burst of alerts waits behind itself.
const PER_CHANNEL = 16;
// Each is a connection to somewhere. A tenant whose receivers all hang keeps four channels' worth, and no more.
const PER_TENANT = 64;
// Well below the 1,024 files that a process may open by default.
const TOTAL = 512;
const LIMITS = { perChannel: PER_CHANNEL, perTenant: PER_TENANT, total: TOTAL };
// Longer than one try with its record: a lease that ends before its try would send twice for nothing.
// Much longer, and what a killed dispatcher held would wait for nothing.
const LEASE_MS = {
  ...{
    webhook: 2 * TRY_LIMIT_MS.webhook,
    slack: 2 * TRY_LIMIT_MS.slack,
    "in-app": 2 * TRY_LIMIT_MS["in-app"],
  },
  ...{ email: 2 * TRY_LIMIT_MS.email, sms: 2 * TRY_LIMIT_MS.sms, sns: 2 * TRY_LIMIT_MS.sns },
};

/**
 * Sends what the outbox holds until `signal` aborts, then waits for the tries in hand.
 *
 * A delivery *waits* until it is due: at once, when its escalation is, or when its channel takes messages. Claimed, it
 * is under a *lease* for as long as a try may take. Then it has an outcome, or waits again for a growing pause:
 * *delivered* (the receiver took it), *given up* (refused for good, or a day of tries), *cancelled* (an escalation that
 * nobody needs any more), *deduplicated* (one like it had just gone out), *digested* (its channel's minute was full:
 * another delivery carries it). All of it is in the catalog: a killed dispatcher leaves leases that run out, and the
 * delivery is sent again under the same id, at least once.
 */
export async function runDispatcher(deps: DispatcherDeps, signal: AbortSignal): Promise<void> {
  const { pool, observe = {} } = deps;
  const inFlight = new Map<string, number>();
  const tries = new Set<Promise<void>>();
  const bell = new Bell();
  const rouse = () => bell.ring();
  const listening = listen(pool, [OUTBOX], rouse, signal);
  signal.addEventListener("abort", rouse);
  let nextMinuteAt = -Infinity;

  while (!signal.aborted) {
    try {
      // Before the first claim of a minute, which would send what belongs into the digest of the last one.
      if (performance.now() >= nextMinuteAt) nextMinuteAt = performance.now() + (await collectDigests(pool));
      const claimed = await claimDeliveries(pool, { ...LIMITS, leaseMs: LEASE_MS, inFlight });
      for (const delivery of claimed) {
        const { channel } = delivery;
        inFlight.set(channel, (inFlight.get(channel) ?? 0) + 1);
        const trying = tryDelivery(deps, delivery, signal).finally(() => {
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
