import { spawn } from "node:child_process";
import { once } from "node:events";
import { inheritedEnvironment } from "../../environment.ts";
import { REPOSITORY } from "../../automation/engine/layout.ts";
import { eventually } from "./eventually.ts";

const COMMAND_LIMIT_MS = 180_000;

/** One bash in this folder, as a reader of the README has it: variables live on, and what runs beside it prints into it. */
export function openShell(env: Readonly<Record<string, string>>) {
  const child = spawn("bash", ["-eo", "pipefail"], {
    ...{ cwd: REPOSITORY, detached: true, stdio: ["pipe", "pipe", "pipe"] },
    env: { ...inheritedEnvironment(), ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.on("error", () => undefined); // a bash that has failed reads no more
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  let count = 0;

  return {
    /** Everything that was printed so far. */
    output: () => output,
    /** Runs commands to their end; what was printed meanwhile. @throws Error with it, when one of them fails */
    run: async (commands: string): Promise<string> => {
      const from = output.length;
      const mark = `ended ${++count}`;
      child.stdin.write(`${commands}\necho '${mark}'\n`);
      await eventually(
        "the commands' end",
        () => output.includes(mark, from) || hasEnded(),
        COMMAND_LIMIT_MS,
      );
      const printed = output.slice(from);
      if (!printed.includes(mark))
        throw new Error(`a command failed:\n${commands}\n${printed.slice(-2_000)}`);
      return printed.slice(0, printed.indexOf(mark));
    },
    /** Ends it with everything that it started. */
    close: async () => {
      if (child.pid !== undefined && !hasEnded()) {
        process.kill(-child.pid, "SIGKILL");
        await once(child, "exit");
      }
    },
  };
}
