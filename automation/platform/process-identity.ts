import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process that can be told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly startTime: string;
}

let boot: string | undefined;

/** undefined when there is no such process (a zombie counts as none: it holds nothing any more) */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // fields after the command, which is in parentheses and may hold spaces; 1st is the state, 20th the start time
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z") return undefined;
      // Ticks count from boot, and a machine boots the same way twice: after a power cut a pid may come again with them.
      boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      return { pid, startTime: `${boot}/${fields[19] ?? ""}` };
    }
    const startTime = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return startTime === "" ? undefined : { pid, startTime };
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Ends a process that may ignore SIGTERM; resolves when it is gone. Does nothing to another process with its pid. */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGTERM", graceMs],
    ["SIGKILL", 5_000],
  ] as const) {
    if (!isAlive(identity)) return;
    process.kill(identity.pid, signal);
    const deadline = performance.now() + waitMs;
    while (isAlive(identity) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
