/** Reasons for which tests were skipped in this run, by short name; the runner decides what CI makes of them. */
export const skipReasons = new Map<string, string>();

/**
 * Skips the running test or suite because something is missing on this machine.
 * @param reason - short name; under `CI=true` it must stand in `test/unavailable.json`
 */
export function skipBecause(context: Mocha.Context, reason: string, detail: string): never {
  skipReasons.set(reason, detail);
  return context.skip();
}
