import type { SentLimits, SentRule } from "./journal.ts";

/** One reading of a machine that is not refused, with the values that can be trusted. */
export interface MachineReading {
  readonly timeMs: number;
  readonly appendedAtMs: number;
  readonly logRef: string;
  readonly ordinal: number;
  readonly values: Readonly<Record<string, string | number>>;
}

type Verdict = "beyond" | "between" | "back";

/** A reading that says something to a rule, and the value by which it does. */
export interface Sample extends MachineReading {
  readonly verdict: Verdict;
  readonly value: string | number | null;
}

/** Samples of a rate are taken this often per window. */
const RATE_SAMPLES = 8;
const COUNTERS = ["cycle_count", "kwh_cumulative"];

/** What the readings, none of them late, say to a rule; those that say nothing are left out. */
export function judge({ metric = "", condition }: SentRule, readings: readonly MachineReading[]): Sample[] {
  switch (condition.kind) {
    case "threshold":
      return readings.flatMap((reading) => {
        const value = reading.values[metric];
        return typeof value === "number" ? [{ ...reading, value, verdict: verdictOf(condition, value) }] : [];
      });
    case "state":
      return readings.flatMap((reading) => {
        const value = reading.values[metric];
        const verdict = value === condition.equals ? "beyond" : "back";
        return typeof value === "string" ? [{ ...reading, value, verdict }] : [];
      });
    case "rate":
      return changes(metric, condition.windowMs, readings).map(({ reading, value }) => {
        return { ...reading, value, verdict: verdictOf(condition, value) };
      });
    case "expression":
      return conjunctions(condition.expression, readings);
    case "no-data":
      return [];
  }
}

/** Per window, against the newest sample that is at least a window old; a counter that falls begins anew. */
function changes(metric: string, windowMs: number, readings: readonly MachineReading[]) {
  const found: { reading: MachineReading; value: number }[] = [];
  let samples: { timeMs: number; value: number }[] = [];
  for (const reading of readings) {
    const { timeMs } = reading;
    const value = reading.values[metric];
    if (typeof value !== "number") continue;
    const newest = samples.at(-1);
    if (newest === undefined || (COUNTERS.includes(metric) && value < newest.value)) {
      samples = [{ timeMs, value }];
      continue;
    }
    const old = samples.filter((sample) => timeMs - sample.timeMs >= windowMs).at(-1);
    if (old !== undefined)
      found.push({ reading, value: ((value - old.value) / (timeMs - old.timeMs)) * windowMs });
    if ((timeMs - newest.timeMs) * RATE_SAMPLES >= windowMs) samples.push({ timeMs, value });
  }
  return found;
}

/** Over the latest values: true when all comparisons are, false when one is, nothing while one is missing. */
function conjunctions(expression: string, readings: readonly MachineReading[]): Sample[] {
  const comparisons = expression.split(" && ").map((text) => {
    const [name = "", op = "", operand = ""] = text.split(" ");
    return { name, op, operand: operand.replaceAll("'", "") };
  });
  const names = comparisons.map(({ name }) => name).sort();
  const latest = new Map<string, string | number>();
  return readings.flatMap((reading): Sample[] => {
    for (const [name, value] of Object.entries(reading.values)) latest.set(name, value);
    if (!names.some((name) => name in reading.values)) return [];
    const results = comparisons.map(({ name, op, operand }) => {
      const value = latest.get(name);
      if (value === undefined) return undefined;
      return op === "=="
        ? value === operand
        : compare(op as SentLimits["op"], Number(value), Number(operand));
    });
    if (results.includes(false)) return [{ ...reading, value: null, verdict: "back" }];
    if (results.includes(undefined)) return [];
    const value = names.map((name) => `${name} = ${latest.get(name)!}`).join(", ");
    return [{ ...reading, value, verdict: "beyond" }];
  });
}

function verdictOf({ op, limit, deadBand }: SentLimits, value: number): Verdict {
  if (compare(op, value, limit)) return "beyond";
  return compare(op, value, op.startsWith(">") ? limit - deadBand : limit + deadBand) ? "between" : "back";
}

function compare(op: SentLimits["op"], value: number, limit: number): boolean {
  if (op === ">") return value > limit;
  if (op === ">=") return value >= limit;
  if (op === "<") return value < limit;
  return value <= limit;
}
