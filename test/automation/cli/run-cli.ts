import { runProgram, type ExitCode } from "../../../automation/cli/program.ts";

export interface CliRun {
  readonly exitCode: ExitCode;
  readonly out: string;
  readonly err: string;
  /** How long the command wanted to wait, without having waited. */
  readonly waitsMs: readonly number[];
}

/** Runs one command line in this process, against the service at `url`. */
export async function runCli(
  url: string,
  args: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  const waitsMs: number[] = [];
  const exitCode = await runProgram(args, {
    terminal: { out: (text) => out.push(text), err: (text) => err.push(text) },
    connect: () => Promise.resolve({ url, token: "token-of-the-test" }),
    signal,
    wait: (ms) => {
      waitsMs.push(ms);
      return Promise.resolve();
    },
  });
  return { exitCode, out: out.join("\n"), err: err.join("\n"), waitsMs };
}
