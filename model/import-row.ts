import { decodeReading, isRefusal, type ReadingRefusal } from "./decode-reading.ts";
import { MillwrightError, type FieldError } from "./errors.ts";
import { metricOf, type ImportMap, type ValueSource } from "./import-map.ts";
import type { ReadingValue, WireReading } from "./reading.ts";

/**
 * The instants, in ms since the epoch and ascending, that a local stamp can mean: none where the clocks are put
 * forward over it, two where they are put back. undefined: the stamp does not have the format of the map.
 */
export type TimeReader = (stamp: string) => readonly number[] | undefined;

type RefusalCode =
  | ReadingRefusal["code"]
  | "row-malformed"
  | "time-unreadable"
  | "time-skipped"
  | "out-of-order"
  | "number-unreadable";

/** Why a row is not imported; stable, part of the refusals file. */
interface RowRefusal {
  readonly kind: "refusal";
  readonly code: RefusalCode;
  readonly message: string;
}

/** What becomes of one row. */
export type RowOutcome =
  | { readonly kind: "reading"; readonly reading: WireReading; readonly missing: readonly string[] }
  /** Nothing was measured: `missing` names the metrics that the file leaves open. */
  | { readonly kind: "gap"; readonly missing: readonly string[] }
  | RowRefusal;

/** Reads the rows of one file in their order. */
export type RowReader = (cells: readonly string[]) => RowOutcome;

// What a decimal file can carry: 73.21 × 0.01 must be 0.7321 and not 0.7321000000000001.
const SIGNIFICANT_DIGITS = 15;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * @param header - the file's first row
 * @param nowMs - the time of the import: readings from the future are refused
 * @throws MillwrightError `import-map-invalid` that names each column which the file does not have
 */
export function rowReader(
  map: ImportMap,
  header: readonly string[],
  readTime: TimeReader,
  nowMs: number,
): RowReader {
  const indexOf = columnIndexes(map, header);
  const cellOf = (cells: readonly string[], column: string) => cells[indexOf(column)]?.trim() ?? "";
  const lastTimes = new Map<string, number>();

  return (cells) => {
    if (cells.length !== header.length) {
      return refusal("row-malformed", `has ${cells.length} cells where the header has ${header.length}`);
    }
    const idOf = (source: ImportMap["machineId"]) =>
      "constant" in source ? source.constant : cellOf(cells, source.column);

    const machineId = idOf(map.machineId);
    const stamp = map.time.columns.map((column) => cellOf(cells, column)).join(" ");
    const timeMs = instantOf(stamp, readTime(stamp), map, lastTimes.get(machineId));
    if (typeof timeMs !== "number") return timeMs;
    if (map.order === "ascending") lastTimes.set(machineId, timeMs);

    const values: Record<string, ReadingValue> = {};
    const missing: string[] = [];
    let isGap = false;
    let hasMeasurement = false;
    for (const [name, source] of Object.entries(map.values)) {
      if ("constant" in source) {
        values[name] = source.constant;
        continue;
      }
      const cell = cellOf(cells, source.column);
      if (map.missing.includes(cell)) {
        missing.push(name);
        isGap ||= source.required;
        continue;
      }
      const value = valueOf(cell, name, source, map);
      if (value === undefined) {
        return refusal("number-unreadable", `${source.column}: '${excerpt(cell)}' is not a number`);
      }
      values[name] = value;
      hasMeasurement = true;
    }
    // A row in which the file leaves open what matters is a gap of the plant's recorder, not an error of the file.
    if (isGap || !hasMeasurement) return { kind: "gap", missing };

    const siteId = map.siteId === undefined ? undefined : idOf(map.siteId);
    const ts = new Date(timeMs).toISOString();
    const reading: WireReading = {
      type: map.type,
      machineId,
      ...(siteId === undefined ? {} : { siteId }),
      ts,
      values,
    };
    // The same check as the API's, here, so that the refusal names the line of the file.
    const decoded = decodeReading(reading, nowMs);
    return isRefusal(decoded)
      ? refusal(decoded.code, decoded.message)
      : { kind: "reading", reading, missing };
  };
}

/** An instant, or why there is none. */
function instantOf(
  stamp: string,
  candidates: readonly number[] | undefined,
  map: ImportMap,
  lastMs = Number.NEGATIVE_INFINITY,
): number | RowRefusal {
  if (candidates === undefined) {
    return refusal("time-unreadable", `'${excerpt(stamp)}' does not match the format '${map.time.format}'`);
  }
  const [first] = candidates;
  if (first === undefined) {
    const zone = map.time.zone ?? "its zone";
    return refusal(
      "time-skipped",
      `'${stamp}' does not exist in ${zone}: the clocks were put forward over it`,
    );
  }
  if (map.order === "any") return first;
  // In an ascending file the hour that exists twice is told apart by the row before it.
  const later = candidates.find((candidate) => candidate > lastMs);
  return later ?? refusal("out-of-order", `'${stamp}' is not later than the row before it of this machine`);
}

function valueOf(
  cell: string,
  name: string,
  source: Exclude<ValueSource, { constant: unknown }>,
  map: ImportMap,
): ReadingValue | undefined {
  const kind = metricOf(map.type, name)?.kind;
  if (kind !== "number" && kind !== "count") return cell;
  const digits = map.csv.decimal === "," ? cell.replace(",", ".") : cell;
  if (!NUMBER.test(digits)) return undefined;
  const { factor = 1, offset = 0 } = source;
  const measured = Number(digits);
  if (factor === 1 && offset === 0) return measured;
  return Number((measured * factor + offset).toPrecision(SIGNIFICANT_DIGITS));
}

/** Finds the place of each column that the map names, or throws before anything is read. */
function columnIndexes(map: ImportMap, header: readonly string[]): (column: string) => number {
  const names = header.map((name) => name.trim());
  const fields: FieldError[] = [];
  const need = (pointer: string, column: string) => {
    const count = names.filter((name) => name === column).length;
    if (count === 0) fields.push({ pointer, message: `there is no column '${column}'` });
    if (count > 1) fields.push({ pointer, message: `the file has ${count} columns '${column}'` });
  };
  if ("column" in map.machineId) need("/machineId/column", map.machineId.column);
  if (map.siteId !== undefined && "column" in map.siteId) need("/siteId/column", map.siteId.column);
  map.time.columns.forEach((column, index) => need(`/time/columns/${index}`, column));
  for (const [name, source] of Object.entries(map.values)) {
    if ("column" in source) need(`/values/${name}/column`, source.column);
  }
  if (fields.length > 0) {
    const existing = excerpt(names.join(", "), 1_000);
    throw new MillwrightError(
      "import-map-invalid",
      `The map does not fit the file, whose columns are: ${existing}.`,
      { fields },
    );
  }
  const indexes = new Map(names.map((name, index) => [name, index]));
  return (column) => indexes.get(column) ?? -1;
}

function refusal(code: RefusalCode, message: string): RowRefusal {
  return { kind: "refusal", code, message };
}

function excerpt(text: string, length = 40): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
