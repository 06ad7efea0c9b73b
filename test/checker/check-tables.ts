import type { Evidence } from "./evidence.ts";
import type { TakenEntry } from "./expected-rows.ts";
import type { LogEntry } from "./log-entries.ts";
import { TAG_OF, type Row, type StoredInCell } from "./stored.ts";

const MINUTE_MS = 60_000;

/** The log against the tables: rows under their references, dead letters, meters, positions and machines. */
export function tableFindings(
  { topic, log, starts = [], cell }: Pick<Evidence, "topic" | "log" | "starts" | "cell">,
  taken: readonly TakenEntry[],
): string[] {
  return [
    ...difference("row", expectedRows(taken), storedRows(cell)),
    ...difference("reference", [], doubledReferences(cell)),
    ...difference("dead letter", expectedDeadLetters(taken), cell.deadLetters.map(deadLetterOf)),
    ...difference("usage", expectedUsage(topic, taken), cell.usage.map(usageOf)),
    ...difference("machine", expectedMachines(taken), cell.machines.map(machineOf)),
    ...positionFindings(topic, log, starts, cell),
  ];
}

/** Every line that is on one side only, or more often than on the other. */
export function difference(what: string, expected: readonly string[], actual: readonly string[]): string[] {
  const balance = new Map<string, number>();
  for (const line of expected) balance.set(line, (balance.get(line) ?? 0) - 1);
  for (const line of actual) balance.set(line, (balance.get(line) ?? 0) + 1);
  return [...balance]
    .filter(([, count]) => count !== 0)
    .map(([line, count]) =>
      count < 0 ? `${what} missing ${-count} ×: ${line}` : `${what} too many ${count} ×: ${line}`,
    );
}

const rowLine = (type: string, logRef: unknown, ordinal: unknown, tag: unknown) =>
  `${type} ${String(logRef)}.${String(ordinal)} ${String(tag)}`;

function expectedRows(taken: readonly TakenEntry[]): string[] {
  return taken.flatMap(({ logRef, rows }) =>
    rows.map(({ type, ordinal, tag }) => rowLine(type, logRef, ordinal, tag)),
  );
}

function storedRows({ readings }: StoredInCell): string[] {
  return [...readings].flatMap(([type, rows]) =>
    rows.map((row) => rowLine(type, row["log_ref"], row["ordinal"], (row["values"] as Row)[TAG_OF[type]!])),
  );
}

/** A place in the log names one row, whatever its table. */
function doubledReferences({ readings }: StoredInCell): string[] {
  const places = [...readings.values()]
    .flat()
    .map((row) => `${String(row["log_ref"])}.${String(row["ordinal"])}`);
  const seen = new Set<string>();
  return places.filter((place) => seen.size === seen.add(place).size);
}

function expectedDeadLetters(taken: readonly TakenEntry[]): string[] {
  return taken.flatMap(({ logRef, deadLetters }) =>
    deadLetters.map(({ ordinal, reason }) => `${logRef}.${String(ordinal)} ${reason}`),
  );
}

const deadLetterOf = (row: Row) =>
  `${String(row["log_ref"])}.${String(row["ordinal"])} ${String(row["reason"])}`;

function expectedUsage(topic: string, taken: readonly TakenEntry[]): string[] {
  const usage = new Map<string, { rows: number; bytes: number }>();
  for (const { entry, rows, isMetered } of taken.filter((one) => one.isMetered)) {
    if (!isMetered) continue;
    const minuteMs = entry.appendedAtMs - (entry.appendedAtMs % MINUTE_MS);
    const key = `${topic}/${entry.partition} ${minuteMs}`;
    const sum = usage.get(key) ?? { rows: 0, bytes: 0 };
    usage.set(key, { rows: sum.rows + rows.length, bytes: sum.bytes + entry.value.length });
  }
  return [...usage].map(([key, { rows, bytes }]) => `${key} rows ${rows} bytes ${bytes}`);
}

const usageOf = (row: Row) =>
  `${String(row["topic"])}/${String(row["partition"])} ${Number(row["minute_ms"])} ` +
  `rows ${String(row["row_count"])} bytes ${String(row["byte_count"])}`;

function expectedMachines(taken: readonly TakenEntry[]): string[] {
  const machines = taken.flatMap(({ rows }) =>
    rows.map(({ type, machineId, siteId }) => `${type} ${machineId} ${siteId ?? ""}`),
  );
  return [...new Set(machines)];
}

const machineOf = (row: Row) =>
  `${String(row["type"])} ${String(row["machine_id"])} ${String(row["site_id"])}`;

/** Everything is consumed, and nothing beyond the end is claimed to be. */
function positionFindings(
  topic: string,
  log: readonly LogEntry[],
  starts: readonly bigint[],
  { positions }: StoredInCell,
): string[] {
  return positions
    .filter((row) => row["topic"] === topic)
    .flatMap((row) => {
      const last = log.filter(({ partition }) => partition === row["partition"]).at(-1);
      const end = last === undefined ? (starts[Number(row["partition"])] ?? 0n) : last.offset + 1n;
      const stored = BigInt(row["next_offset"] as string);
      return stored === end
        ? []
        : [`position of ${topic}/${String(row["partition"])} is ${stored}, the log ends at ${end}`];
    });
}
