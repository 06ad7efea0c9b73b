import { readFileSync } from "node:fs";

/** One reading as it was put into a record, with what must become of it. */
export interface SentReading {
  /** Place in the record. */
  readonly ordinal: number;
  readonly type: string;
  readonly machineId: string;
  readonly siteId?: string;
  readonly ts: string;
  readonly values: Readonly<Record<string, string | number>>;
  /** Of the values that are not good: what the device says of them, or that they are impossible. */
  readonly quality?: Readonly<Record<string, "uncertain" | "bad" | "implausible">>;
  /** Unique over the run; stands in one of the values. */
  readonly tag: string;
  /** The reason of its dead letter, for one that must not be stored. */
  readonly refusal?: string;
}

/** A record before its first try; every try of it sends the same bytes. */
export interface SentRecord {
  readonly kind: "sent";
  readonly record: number;
  /** Whoever sends one after the other: what it sends of one machine keeps its order. */
  readonly connection: string;
  readonly tenant: string;
  readonly topic: string;
  readonly partition: number;
  readonly source: "live" | "import";
  readonly batch?: { readonly id: string; readonly part: number; readonly hash: string };
  /** Base64: poison need not be text. */
  readonly value: string;
  readonly readings: readonly SentReading[];
  /** The reason of its dead letter, for a record that cannot be read at all. */
  readonly refusal?: string;
}

/** What the sender heard of one try: `unknown` may or may not be in the log. */
export interface Outcome {
  readonly kind: "outcome";
  readonly record: number;
  readonly outcome: "acked" | "unknown";
}

/** A rule in the words of the API. */
export interface SentRule {
  readonly kind: "rule";
  readonly tenant: string;
  readonly id: string;
  readonly type: string;
  readonly metric?: string;
  readonly machines?: readonly string[];
  readonly condition: SentCondition;
}

export interface SentLimits {
  readonly op: ">" | ">=" | "<" | "<=";
  readonly limit: number;
  readonly deadBand: number;
}

/** Of the expressions: comparisons that must all hold. */
export type SentCondition = { readonly onDelayMs: number; readonly offDelayMs: number } & (
  | ({ readonly kind: "threshold" } & SentLimits)
  | { readonly kind: "state"; readonly equals: string }
  | ({ readonly kind: "rate"; readonly windowMs: number } & SentLimits)
  | { readonly kind: "expression"; readonly expression: string }
  | { readonly kind: "no-data" }
);

/** What the producer wrote down while it worked, a line each. */
export type JournalLine = SentRecord | Outcome | SentRule;

/** A record with the outcomes of its tries, in the order of sending. */
export interface JournaledRecord extends SentRecord {
  readonly outcomes: readonly Outcome["outcome"][];
}

export interface Journal {
  readonly records: ReadonlyMap<number, JournaledRecord>;
  readonly rules: readonly SentRule[];
}

export function readJournal(file: string): Journal {
  const records = new Map<number, SentRecord & { outcomes: Outcome["outcome"][] }>();
  const rules: SentRule[] = [];
  for (const text of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    const line = JSON.parse(text) as JournalLine;
    if (line.kind === "rule") rules.push(line);
    else if (line.kind === "sent") records.set(line.record, { ...line, outcomes: [] });
    else records.get(line.record)?.outcomes.push(line.outcome);
  }
  return { records, rules };
}

export const isAcked = ({ outcomes }: JournaledRecord) => outcomes.includes("acked");
