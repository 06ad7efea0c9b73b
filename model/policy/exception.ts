import * as z from "zod";
import { DAY_MS } from "../duration.ts";

/** Longer ones are no exceptions: change the limit, where everybody sees it. */
export const LONGEST_EXCEPTION_DAYS = 90;

/** Somebody's word that one resource may break one rule for a while. */
export const policyException = z.strictObject({
  /** Name of the rule. */
  policy: z.string().min(1).max(100),
  /** Name of the resource in the program; `stack` for a rule that looks at all of it. */
  resource: z.string().min(1).max(200),
  /** Who answers for it. */
  owner: z.email(),
  reason: z.string().min(10).max(500),
  /** The last day on which it counts, of UTC. */
  until: z.iso.date(),
});
export type PolicyException = z.infer<typeof policyException>;

export type ExceptionState = "in-force" | "expired" | "too-long";

/** @param today - of UTC, such as `2026-11-22` */
export function exceptionState({ until }: PolicyException, today: string): ExceptionState {
  if (until < today) return "expired";
  return Date.parse(until) - Date.parse(today) > LONGEST_EXCEPTION_DAYS * DAY_MS ? "too-long" : "in-force";
}
