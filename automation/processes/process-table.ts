import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** One line of the operating system's process table. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** 0 where the system does not tell (macOS). */
  readonly session: number;
  /** Clock ticks since boot on Linux, the start as text elsewhere. */
  readonly started: string;
}

const COLUMNS = ["-o", "pid=,ppid=,pgid=,stat=,lstart="];
const IN_ENGLISH = { encoding: "utf8", env: { PATH: "/bin:/usr/bin", LC_ALL: "C" } } as const;
const runPs = promisify(execFile);

/** undefined when no such process runs; a zombie does not run: it holds nothing any more. */
export function processRow(pid: number): ProcessRow | undefined {
  try {
    if (process.platform === "linux") return parseProcStat(readFileSync(statFile(pid), "utf8"));
    return parsePs(execFileSync("ps", [...COLUMNS, "-p", String(pid)], IN_ENGLISH))[0];
  } catch {
    return undefined;
  }
}

/** Every process that this one may see. */
export async function processRows(): Promise<ProcessRow[]> {
  if (process.platform !== "linux")
    return parsePs((await runPs("ps", ["-A", ...COLUMNS], IN_ENGLISH)).stdout);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(pids.map((pid) => readFile(statFile(pid), "utf8").catch(() => undefined)));
  return texts.flatMap((text) => (text === undefined ? [] : (parseProcStat(text) ?? [])));
}

/** The process, then everything that it has started, and what that has. (PostgreSQL's processes leave its group.) */
export async function familyOf(pid: number): Promise<readonly number[]> {
  const rows = await processRows();
  const family = [pid];
  for (const member of family)
    family.push(...rows.filter(({ parent }) => parent === member).map((row) => row.pid));
  return family;
}

function statFile(pid: number | string): string {
  return `/proc/${pid}/stat`;
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

function parsePs(text: string): ProcessRow[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, group, state, started] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (started === undefined || state?.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), session: 0, started }];
  });
}
