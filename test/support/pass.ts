import Mocha from "mocha";
import { mochaHooks } from "./postgres.ts";
import { skipReasons } from "./skip.ts";

/** What one pass over test files came to. */
export interface PassResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Detail by short name. */
  readonly skipReasons: Readonly<Record<string, string>>;
}

/** Runs the files in this process, on the services that it was started for. */
export async function runPass(files: readonly string[], timeoutMs: number): Promise<PassResult> {
  const mocha = new Mocha({
    timeout: timeoutMs,
    slow: 10_000,
    reporter: "spec",
    color: process.stdout.isTTY,
  });
  for (const file of files) mocha.addFile(file);
  mocha.rootHooks(mochaHooks);
  await mocha.loadFilesAsync();
  const { passes, failures, pending } = await new Promise<Mocha.Stats>((resolve) => {
    const runner = mocha.run(() => resolve(runner.stats!));
  });
  return {
    passed: passes,
    failed: failures,
    skipped: pending,
    skipReasons: Object.fromEntries(skipReasons),
  };
}

/** A handle that a test left open must fail here and not hang the pipeline: nothing else is to be done now. */
export function failIfNothingEndsIt(): void {
  process.once("beforeExit", () => process.exit()); // past Node's clean-up, which waits without end for broken handles
  setTimeout(() => {
    console.error("still open after the tests: ", process.getActiveResourcesInfo().join(", "));
    process.exit(1);
  }, 10_000).unref();
}
