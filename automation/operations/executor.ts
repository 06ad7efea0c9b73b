import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Executor } from "../../data/catalog/executor-lease.ts";
import { identify, isAlive } from "../platform/process-identity.ts";

/** An identity for this process that no other has, before or after: the same id twice would run steps twice at once. */
export function newExecutor(): Executor {
  const startTime = identify(process.pid)?.startTime ?? "";
  return { id: randomUUID(), host: machine(), pid: process.pid, startTime };
}

/** Whether the process of a lease is known to be dead, without waiting for the lease to run out. */
export function isKnownDead(executor: Executor): boolean {
  return executor.host === machine() && !isAlive(executor);
}

/** Host and boot: after a reboot, and in a container beside us, a pid means another process. */
function machine(): string {
  try {
    return `${hostname()}/${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
  } catch {
    return hostname(); // not Linux
  }
}
