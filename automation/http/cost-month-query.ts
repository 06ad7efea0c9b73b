import * as z from "zod";
import { monthNamed, monthOf, type Month } from "../../model/cost/month.ts";
import { MillwrightError } from "../../model/errors.ts";

export const monthName = z
  .string()
  .refine((name) => monthNamed(name) !== undefined, "a month such as 2026-11")
  .meta({ description: "Of UTC, `2026-11`" });

/** @param name - left out: the running month @throws MillwrightError `request-invalid` of one that has not begun */
export function monthAsked(name: string | undefined, nowMs: number): Month {
  const month = name === undefined ? monthOf(nowMs) : monthNamed(name);
  if (month === undefined || month.fromMs > nowMs)
    throw new MillwrightError("request-invalid", "This month has not begun.", {
      fields: [{ pointer: "/month", message: "the running month, or one before it" }],
    });
  return month;
}
