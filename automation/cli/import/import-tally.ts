import { metricOf, type ImportMap } from "../../../model/import-map.ts";
import type { RowOutcome } from "../../../model/import-row.ts";
import type { WireReading } from "../../../model/reading.ts";

/** What became of the rows of a file: rows = readings + gaps + refused of the file, and accepted ≤ readings. */
export interface ImportReport {
  /** Rows of the file without its header, and how many of them are read so far. */
  readonly totalRows: number;
  readonly rows: number;
  /** Rows that became a reading. */
  readonly readings: number;
  /** Readings that the platform has in its log. */
  readonly accepted: number;
  /** Rows in which nothing, or not what is required, was measured. */
  readonly gaps: number;
  /** Rows refused by the map or by the platform. */
  readonly refused: number;
  readonly batches: number;
  /** Cells that the file leaves open, by metric. */
  readonly missing: Readonly<Record<string, number>>;
  /** Sum of each numeric metric over the accepted readings; in a dry run over all readings. */
  readonly sums: Readonly<Record<string, number>>;
}

/** Counts while rows pass by, in constant memory. */
export class ImportTally {
  readonly #totalRows: number;
  #rows = 0;
  #readings = 0;
  #accepted = 0;
  #gaps = 0;
  #refused = 0;
  #batches = 0;
  readonly #missing: Map<string, number>;
  readonly #sums: Map<string, CompensatedSum>;

  constructor(totalRows: number, map: ImportMap) {
    this.#totalRows = totalRows;
    const measured = Object.entries(map.values).filter(([, source]) => "column" in source);
    this.#missing = new Map(measured.map(([name]) => [name, 0]));
    const numeric = measured.filter(([name]) =>
      ["number", "count"].includes(metricOf(map.type, name)?.kind ?? ""),
    );
    this.#sums = new Map(numeric.map(([name]) => [name, new CompensatedSum()]));
  }

  countRow(outcome: RowOutcome): void {
    this.#rows += 1;
    if (outcome.kind === "refusal") {
      this.#refused += 1;
      return;
    }
    if (outcome.kind === "gap") this.#gaps += 1;
    else this.#readings += 1;
    for (const name of outcome.missing) this.#missing.set(name, (this.#missing.get(name) ?? 0) + 1);
  }

  countAnswer(readings: readonly WireReading[], rejected: ReadonlySet<number>): void {
    this.#batches += 1;
    this.#accepted += readings.length - rejected.size;
    this.#refused += rejected.size;
    this.#addToSums(readings.filter((_, index) => !rejected.has(index)));
  }

  countDry(readings: readonly WireReading[]): void {
    this.#batches += 1;
    this.#addToSums(readings);
  }

  report(): ImportReport {
    return {
      totalRows: this.#totalRows,
      rows: this.#rows,
      readings: this.#readings,
      accepted: this.#accepted,
      gaps: this.#gaps,
      refused: this.#refused,
      batches: this.#batches,
      missing: Object.fromEntries(this.#missing),
      sums: Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum.value])),
    };
  }

  #addToSums(readings: readonly WireReading[]): void {
    for (const { values } of readings) {
      for (const [name, sum] of this.#sums) {
        const value = values[name];
        if (typeof value === "number") sum.add(value);
      }
    }
  }
}

/** Neumaier's sum: the error stays at one rounding, so that the sum of a long file is comparable to the file's. */
class CompensatedSum {
  #sum = 0;
  #lost = 0;

  add(value: number): void {
    const next = this.#sum + value;
    this.#lost +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum;
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#lost;
  }
}
