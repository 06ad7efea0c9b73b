import { spawn } from "node:child_process";

/** The engine's version: what is built or installed, and the oldest on PATH that is used (older ones were not tried). */
export const ENGINE_VERSION = "3.220.0";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliCall {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Text for standard input: where secrets go, because everybody can read argv. */
  readonly input?: string;
  readonly limitMs?: number;
  /** A call's line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program to its end; an exit code other than 0 is an answer, not an error. A hanging one is killed. */
export async function runProgram(file: string, args: readonly string[], call: CliCall): Promise<CliResult> {
  const { cwd, env, input = "", limitMs = 60_000, onLine } = call;
  const child = spawn(file, args, { cwd, env, timeout: limitMs, killSignal: "SIGKILL" });
  let stdout = "";
  let stderr = "";
  let unfinishedLine = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    const lines = (unfinishedLine + text).split("\n");
    unfinishedLine = lines.pop() ?? "";
    for (const line of lines) onLine?.(line);
  });
  child.stdin.on("error", () => undefined); // a program that ends without reading its input says so by its code
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  return { code, stdout, stderr };
}

/** Whether a call failed because the backend has no such stack: the CLI has no exit code of its own for it. */
export function isUnknownStack({ code, stderr }: CliResult): boolean {
  return code !== 0 && stderr.includes("no stack named");
}

/** `v3.220.0` or `3.220.0-dev.1` as numbers; undefined for anything else. */
export function parseVersion(text: string): readonly [number, number, number] | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text.trim()) ?? [];
  return patch === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** Whether the SDK of this repository can drive a CLI of this version: not older, and of the same major version. */
export function isUsableVersion(version: string): boolean {
  const found = parseVersion(version);
  const needed = parseVersion(ENGINE_VERSION);
  if (found === undefined || needed === undefined || found[0] !== needed[0]) return false;
  return found[1] > needed[1] || (found[1] === needed[1] && found[2] >= needed[2]);
}
