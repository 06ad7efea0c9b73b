import * as z from "zod";
import { condition, type Condition } from "./condition.ts";
import { compileExpression, ExpressionInvalid, type Expression } from "./expression.ts";
import { externalId, METRICS, READING_TYPES, type Metric, type ReadingType } from "./reading.ts";

/** Most urgent first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Each is in the memory of every engine. */
export const MAX_RULES_PER_TENANT = 1_000;

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
    /** Of threshold and rate a numeric one, of state a token; the other kinds have none. */
    metric: z.string().optional(),
    condition,
    severity: z.enum(SEVERITIES),
    /** Every machine of the tenant when left out. */
    machines: z.array(externalId).min(1).max(1_000).optional(),
    /** Rules whose alert on the same machine makes one of this rule superfluous. */
    suppressedBy: z.array(ruleId).min(1).max(10).optional(),
  })
  .superRefine((body, context) => {
    const wrong = metricError(body.type, body.metric, body.condition);
    if (wrong !== undefined) context.addIssue({ code: "custom", path: ["metric"], message: wrong });
    const unreadable = expressionError(body.type, body.condition);
    if (unreadable !== undefined) {
      context.addIssue({ code: "custom", path: ["condition", "expression"], message: unreadable });
    }
  });
export type RuleBody = z.infer<typeof ruleBody>;

/** Since when, by whom and why something is out of service (ISA-18.2); `since` is ISO 8601. */
export interface OutOfService {
  readonly since: string;
  readonly by: string;
  readonly reason: string;
}

/** A rule as the API answers it; times are ISO 8601. */
export interface Rule extends RuleBody {
  readonly id: string;
  readonly outOfService: OutOfService | null;
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
  readonly metric: string | undefined;
  readonly condition: Condition;
  /** Of an expression only. */
  readonly expression: Expression | undefined;
  readonly severity: Severity;
  /** undefined: every machine */
  readonly machines: ReadonlySet<string> | undefined;
  readonly suppressedBy: readonly string[];
  /** People have taken it out of service: it is evaluated, and nobody is told. */
  readonly isOutOfService: boolean;
}

/** The condition's expression, compiled; undefined for other kinds. @throws ExpressionInvalid */
export function expressionOf(type: ReadingType, { condition: of }: Pick<RuleBody, "condition">) {
  if (of.kind !== "expression") return undefined;
  const metrics = new Map(
    METRICS[type].map((metric) => [metric.name, isNumeric(metric) ? "number" : "text"]),
  );
  return compileExpression(of.expression, metrics as ReadonlyMap<string, "number" | "text">);
}

/** A counter only grows, and starts again at its reset. */
export function isCounter(type: ReadingType, metric: string | undefined): boolean {
  return (
    METRICS[type].some(({ name, kind }) => name === metric && kind === "count") || metric === "kwh_cumulative"
  );
}

/** Whether two bodies mean the same to the engine: then a change of name or severity leaves running alerts alone. */
export function evaluatesLike(a: RuleBody, b: RuleBody): boolean {
  const facts = ({ type, metric, condition: of, machines }: RuleBody) =>
    JSON.stringify([type, metric, Object.entries(of).sort(), machines?.toSorted()]);
  return facts(a) === facts(b);
}

/**
 * The first of `rules` that would suppress itself by way of others; two that suppress each other would both be
 * silent. @param rules - suppressors by rule id
 */
export function suppressionCircle(rules: ReadonlyMap<string, readonly string[]>): string | undefined {
  const settled = new Set<string>();
  const follow = (id: string, path: ReadonlySet<string>): string | undefined => {
    if (path.has(id)) return id;
    if (settled.has(id)) return undefined;
    const longer = new Set(path).add(id);
    for (const suppressor of rules.get(id) ?? []) {
      const found = follow(suppressor, longer);
      if (found !== undefined) return found;
    }
    settled.add(id);
    return undefined;
  };
  for (const id of rules.keys()) {
    const found = follow(id, new Set());
    if (found !== undefined) return found;
  }
  return undefined;
}

function metricError(type: ReadingType, metric: string | undefined, { kind }: Condition): string | undefined {
  const known = METRICS[type].find(({ name }) => name === metric);
  switch (kind) {
    case "threshold":
    case "rate":
      return known !== undefined && isNumeric(known)
        ? undefined
        : "is no numeric metric of this type of reading";
    case "state":
      return known?.kind === "token" ? undefined : "is no metric of this type of reading that has states";
    case "no-data":
    case "expression":
      return metric === undefined ? undefined : `a condition '${kind}' has no metric`;
  }
}

function expressionError(type: ReadingType, of: Condition): string | undefined {
  try {
    expressionOf(type, { condition: of });
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionInvalid) return error.message;
    throw error;
  }
}

function isNumeric({ kind }: Metric): boolean {
  return kind === "number" || kind === "count";
}
