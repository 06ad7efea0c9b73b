import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Executor } from "../../data/catalog/executor-lease.ts";
import { bootId, identifySelf, isAlive } from "../processes/process-identity.ts";

/** An identity for this process that no other has, before or after: the same id twice would run steps twice at once. */
export function newExecutor(): Executor {
  return { id: randomUUID(), host: machine(), ...identifySelf() };
}

/** Whether the process of a lease is known to be dead, without waiting for the lease to run out. */
export function isKnownDead(executor: Executor): boolean {
  return executor.host === machine() && !isAlive(executor);
}

/** Host and boot: after a reboot, and in a container beside us, a pid means another process. */
function machine(): string {
  return `${hostname()}/${bootId()}`;
}
