import { z } from "zod";
import { externalId, METRICS, READING_TYPES, type ReadingType } from "./reading.ts";

/** Most urgent first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A day: longer delays would outlive the log's retention on a small machine. */
const MAX_DELAY_MS = 86_400_000;
const KINDS_TO_COME = ["state", "rate", "no-data", "expression"];

const threshold = z.strictObject({
  kind: z.literal("threshold", {
    error: ({ input }) =>
      KINDS_TO_COME.includes(String(input))
        ? `this release evaluates threshold conditions only, not '${String(input)}'`
        : "must be 'threshold'",
  }),
  op: z.enum([">", ">=", "<", "<="]),
  limit: z.number(),
  /** How far the value must come back behind the limit before the alert returns, in the metric's unit. */
  deadBand: z.number().min(0).default(0),
  /** How long the value must stay beyond the limit, in event time. */
  onDelayMs: z.int().min(0).max(MAX_DELAY_MS).default(0),
  /** How long the value must stay behind limit and dead band. */
  offDelayMs: z.int().min(0).max(MAX_DELAY_MS).default(0),
});
export type Condition = z.infer<typeof threshold>;

/** An id that a customer gives: `rule-1`. */
const ruleId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1-64 characters: letters, digits and . _ -");

export const ruleBody = z
  .strictObject({
    /** Generated when left out. */
    id: ruleId.optional(),
    name: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^\u0000-\u001f\u007f]*$/, "no control characters"),
    type: z.enum(READING_TYPES),
    metric: z.string(),
    condition: threshold,
    severity: z.enum(SEVERITIES),
    /** Every machine of the tenant when left out. */
    machines: z.array(externalId).min(1).max(1_000).optional(),
  })
  .refine(({ type, metric }) => isNumeric(type, metric), {
    path: ["metric"],
    error: "is no numeric metric of this type of reading",
  });
export type RuleBody = z.infer<typeof ruleBody>;

/** A rule as the API answers it; times are ISO 8601. */
export interface Rule extends RuleBody {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A rule as the engine evaluates it. */
export interface RuleInForce {
  readonly id: string;
  readonly version: bigint;
  readonly validFromMs: number;
  readonly name: string;
  readonly type: ReadingType;
  readonly metric: string;
  readonly condition: Condition;
  readonly severity: Severity;
  /** undefined: every machine */
  readonly machines: ReadonlySet<string> | undefined;
}

/** Whether two bodies mean the same to the engine: then a change of name or severity leaves running alerts alone. */
export function evaluatesLike(a: RuleBody, b: RuleBody): boolean {
  const facts = ({ type, metric, condition, machines }: RuleBody) => {
    const { op, limit, deadBand, onDelayMs, offDelayMs } = condition;
    return JSON.stringify([type, metric, op, limit, deadBand, onDelayMs, offDelayMs, machines?.toSorted()]);
  };
  return facts(a) === facts(b);
}

function isNumeric(type: ReadingType, metric: string): boolean {
  return METRICS[type].some(({ name, kind }) => name === metric && (kind === "number" || kind === "count"));
}
