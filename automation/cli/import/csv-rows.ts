import { parse, type CsvError, type InfoRecord } from "csv-parse";
import type { Readable } from "node:stream";
import type { ImportMap } from "../../../model/import-map.ts";
import { unreadable } from "./source.ts";

/** One row of the file; the first one is the header. */
export interface CsvRow {
  /** Line on which the row ends, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

// An opening quote that is never closed would gather the rest of the file into one cell, and that in memory.
const MAX_ROW_BYTES = 1 << 20;

/** @throws MillwrightError `import-file-unreadable` where rows cannot be told apart any more */
export async function* csvRows(
  file: string,
  content: Readable,
  csv: ImportMap["csv"],
): AsyncGenerator<CsvRow> {
  const parser = parse({
    delimiter: csv.delimiter,
    record_delimiter: ["\r\n", "\n"], // both in one file are common after an edit by hand
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true, // the row reader refuses such a row with its line
    relax_quotes: true, // 5"6 is a bad number of one row, not the end of the import
    max_record_size: MAX_ROW_BYTES,
  });
  content.on("error", (error) => parser.destroy(error));
  content.pipe(parser);
  let line = 0;
  try {
    for await (const parsed of parser) {
      const { record, info } = parsed as { record: string[]; info: InfoRecord };
      line = info.lines;
      yield { line, cells: record };
    }
  } catch (error) {
    if (!isCsvError(error)) throw unreadable(file, error);
    const reason = `after line ${line} a quote is never closed, or a row is longer than 1 MiB`;
    throw unreadable(file, error, reason);
  } finally {
    content.destroy();
  }
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("CSV_");
}
