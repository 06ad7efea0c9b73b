import * as z from "zod";
import { MAX_EXPRESSION_LENGTH } from "./expression.ts";

/** A day: longer delays would outlive the log's retention on a small machine. */
const MAX_DELAY_MS = 86_400_000;

const delayMs = z.int().min(0).max(MAX_DELAY_MS);
const delays = {
  /** How long the condition must hold before the alert is raised, in event time. */
  onDelayMs: delayMs.default(0),
  /** How long it must be gone before the alert returns. */
  offDelayMs: delayMs.default(0),
};
const limits = {
  op: z.enum([">", ">=", "<", "<="]),
  limit: z.number(),
  /** How far the value must come back behind the limit before the alert returns, in the limit's unit. */
  deadBand: z.number().min(0).default(0),
};

const threshold = z.strictObject({ kind: z.literal("threshold"), ...limits, ...delays });

/** A token metric has a value: `state` is `offline`. */
const state = z.strictObject({ kind: z.literal("state"), equals: z.string().min(1).max(128), ...delays });

/** Change of the metric per `windowMs`: `limit: 5, windowMs: 600000` is 5 in ten minutes. */
const rate = z.strictObject({
  kind: z.literal("rate"),
  ...limits,
  windowMs: z.int().min(1_000).max(MAX_DELAY_MS),
  ...delays,
});

/** Nothing of the machine and type for `onDelayMs`, by the log's clock: a silent machine has no other. */
const noData = z.strictObject({ kind: z.literal("no-data"), ...delays, onDelayMs: delayMs.min(1_000) });

/** Over the latest values of the machine: `temperature_c > 80 && power_watts < 100`. */
const expression = z.strictObject({
  kind: z.literal("expression"),
  expression: z.string().min(1).max(MAX_EXPRESSION_LENGTH),
  ...delays,
});

export const condition = z.discriminatedUnion("kind", [threshold, state, rate, noData, expression]);
export type Condition = z.infer<typeof condition>;
export type Limits = Pick<z.infer<typeof threshold>, keyof typeof limits>;
export type Delays = Pick<Condition, keyof typeof delays>;
