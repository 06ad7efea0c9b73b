import type { Condition, Limits } from "./condition.ts";
import type { AlertValue, Verdict } from "./condition-state.ts";
import { measureChange, type Sample } from "./rate.ts";
import type { ReadingValue } from "./reading.ts";
import { isCounter, type RuleInForce } from "./rule.ts";

/** A value and what a rule makes of it. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly value: AlertValue;
}

/** Judges a metric by a limit or by the token that it has to equal; undefined when the reading does not have it. */
export function judgeValue(
  condition: Extract<Condition, { kind: "threshold" | "state" }>,
  value: ReadingValue | undefined,
): Judgement | undefined {
  if (condition.kind === "state") {
    if (typeof value !== "string") return undefined;
    return { verdict: value === condition.equals ? "beyond" : "back", value };
  }
  return typeof value === "number" ? { verdict: verdictOf(condition, value), value } : undefined;
}

/** Judges how fast a metric changes, and answers what to remember of it. */
export function judgeRate(
  rule: Pick<RuleInForce, "type" | "metric">,
  condition: Extract<Condition, { kind: "rate" }>,
  samples: readonly Sample[],
  seen: Sample,
): { readonly samples: readonly Sample[]; readonly judgement: Judgement | undefined } {
  const measured = measureChange(samples, condition.windowMs, seen, isCounter(rule.type, rule.metric));
  const { change } = measured;
  const judgement =
    change === undefined ? undefined : { verdict: verdictOf(condition, change), value: change };
  return { samples: measured.samples, judgement };
}

/** Judges the machine's latest values; undefined while one that decides is missing. */
export function judgeExpression(
  { expression }: Pick<RuleInForce, "expression">,
  valueOf: (name: string) => ReadingValue | undefined,
): Judgement | undefined {
  const holds = expression?.evaluate(valueOf);
  if (holds === undefined) return undefined;
  if (!holds) return { verdict: "back", value: null };
  const values = expression?.names.map((name) => `${name} = ${valueOf(name) ?? "unknown"}`) ?? [];
  return { verdict: "beyond", value: values.join(", ") };
}

/** A value that wavers around the limit raises one alert, not many: it is back only behind the dead band. */
function verdictOf({ op, limit, deadBand }: Limits, value: number): Verdict {
  if (isBeyond(op, limit, value)) return "beyond";
  const farLimit = op.startsWith(">") ? limit - deadBand : limit + deadBand;
  return isBeyond(op, farLimit, value) ? "between" : "back";
}

function isBeyond(op: Limits["op"], limit: number, value: number): boolean {
  switch (op) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
  }
}
