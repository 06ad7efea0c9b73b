import { setTimeout } from "node:timers/promises";
import { findConnection } from "./connection.ts";
import { runProgram } from "./program.ts";

const interrupted = new AbortController();
// The first Ctrl-C ends the command in order, the second one ends it at once. npx hands each one on a second time.
const REPEAT_MS = 1_000;
let firstAt: number | undefined;
process.on("SIGINT", () => {
  firstAt ??= performance.now();
  interrupted.abort();
  if (performance.now() - firstAt > REPEAT_MS) process.exit(130);
});
// `millwright … | head` closes the pipe: nobody reads any more, so there is nothing left to do or to say.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${text}\n`),
  },
  connect: findConnection,
  signal: interrupted.signal,
  wait: (ms) => setTimeout(ms, undefined, { signal: interrupted.signal }),
});
