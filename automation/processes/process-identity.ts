import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { processRow } from "./process-table.ts";

/** A process that can be told from a later one with the same pid, also after a reboot. */
export const processIdentity = z.object({
  pid: z.number().int().positive(),
  /** Opaque; equal for the same process only. */
  startTime: z.string(),
});
export type ProcessIdentity = Readonly<z.infer<typeof processIdentity>>;

const TICKS_PER_SECOND = 100; // USER_HZ: what Linux shows to programs, on every architecture
const KILL_LIMIT_MS = 5_000;

/** undefined when no such process runs */
export function identify(pid: number): ProcessIdentity | undefined {
  const row = processRow(pid);
  return row && { pid, startTime: `${bootId()}/${row.started}` };
}

/** @throws Error where the process table cannot be read (no /proc) */
export function identifySelf(): ProcessIdentity {
  const self = identify(process.pid);
  if (self === undefined) throw new Error("This process cannot read its own start time.");
  return self;
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime;
}

/** When the process started, in ms since epoch and right to about a second; undefined when it does not run. */
export function startedAt(pid: number): number | undefined {
  const row = processRow(pid);
  if (row === undefined) return undefined;
  if (process.platform !== "linux") return Date.parse(row.started);
  const bootSeconds = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1];
  return (Number(bootSeconds) + Number(row.started) / TICKS_PER_SECOND) * 1_000;
}

/** Ends a process that may ignore SIGTERM; resolves when it is gone. Does nothing to another process with its pid. */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGTERM", graceMs],
    ["SIGKILL", KILL_LIMIT_MS],
  ] as const) {
    if (!isAlive(identity)) return;
    sendSignal(identity.pid, signal);
    const deadline = performance.now() + waitMs;
    while (isAlive(identity) && performance.now() < deadline) await delay(20);
  }
}

/** A process that ended in the same moment needs no signal. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

let boot: string | undefined;

/** Start times alone are not enough: ticks count from boot, and a machine boots the same way twice. */
export function bootId(): string {
  // elsewhere the start is a date, which no boot repeats
  boot ??= process.platform === "linux" ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() : "";
  return boot;
}
