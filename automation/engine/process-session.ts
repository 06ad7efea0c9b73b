import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * Processes as the operating system's sessions. A detached child leads a session of its own, and everything that it
 * starts stays in it. The process group is not enough: the Pulumi CLI gives each plugin a group of its own, and a
 * plugin outlives a killed CLI. A PostgreSQL server that a plugin starts leaves the session (pg_ctl calls setsid), so
 * ending a session never stops a database.
 */

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; another process that gets the same pid later, or after a reboot, has another. */
  readonly start: string;
}

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** 0 where the system does not tell (macOS). */
  readonly session: number;
  /** Clock ticks since boot on Linux, the start as text elsewhere. */
  readonly started: string;
}

const run = promisify(execFile);
const TICKS_PER_SECOND = 100; // USER_HZ: what Linux shows to programs, on every architecture

/** undefined when no such process runs; a zombie does not run. */
export async function processIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  const row = await processRow(pid);
  return row && { pid, start: `${await bootId()}/${row.started}` };
}

export async function isRunning({ pid, start }: ProcessIdentity): Promise<boolean> {
  return (await processIdentity(pid))?.start === start;
}

/** When the process started, in ms since epoch and right to about a second; undefined when it does not run. */
export async function processStartedAt(pid: number): Promise<number | undefined> {
  const row = await processRow(pid);
  if (row === undefined) return undefined;
  if (process.platform !== "linux") return Date.parse(row.started);
  const bootSeconds = /^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1];
  return (Number(bootSeconds) + Number(row.started) / TICKS_PER_SECOND) * 1_000;
}

/** Ends every process of the session that `leader` led, also when the leader itself is long dead. */
export async function endSession(leader: ProcessIdentity, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const members = await sessionMembers(leader);
    if (members.length === 0) return;
    if (performance.now() > deadline) throw new Error(`processes ${members.join(", ")} survive SIGKILL`);
    for (const pid of members) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function sessionMembers(leader: ProcessIdentity): Promise<number[]> {
  // A pid is not given out again while a session or group bears it, so a leader with another start time means that
  // nothing of ours is left.
  const current = await processIdentity(leader.pid);
  if (current !== undefined && current.start !== leader.start) return [];
  if (!leader.start.startsWith(`${await bootId()}/`)) return [];
  const rows = await processRows();
  if (process.platform === "linux")
    return rows.filter(({ session }) => session === leader.pid).map(({ pid }) => pid);
  const members = new Set(rows.filter(({ group }) => group === leader.pid).map(({ pid }) => pid));
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { pid, parent } of rows) if (members.has(parent)) members.add(pid);
  }
  return [...members];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function processRow(pid: number): Promise<ProcessRow | undefined> {
  if (process.platform !== "linux") return (await processRows()).find((row) => row.pid === pid);
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseProcStat(text);
}

async function processRows(): Promise<ProcessRow[]> {
  if (process.platform === "linux") {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const rows = await Promise.all(pids.map((pid) => processRow(Number(pid))));
    return rows.filter((row) => row !== undefined);
  }
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="], {
    env: { LC_ALL: "C" },
  });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, group, state, started] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (started === undefined || state?.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), session: 0, started }];
  });
}

/** proc(5): the name in parentheses may hold blanks and parentheses, so fields count from the last one. */
function parseProcStat(text: string): ProcessRow | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  if (state === "Z" || state === "X") return undefined;
  const pid = Number.parseInt(text, 10);
  const numbers = { pid, parent: Number(parent), group: Number(group), session: Number(session) };
  return { ...numbers, started: fields[19] ?? "" };
}

let boot: Promise<string> | undefined;

function bootId(): Promise<string> {
  // Start times alone are not enough: ticks count from boot, and a machine boots the same way twice.
  boot ??= readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => "",
  );
  return boot;
}
