import { open } from "node:fs/promises";
import {
  refuseWithoutColumns,
  REPORT_COLUMNS,
  sumReport,
  type ReportField,
  type ReportLine,
  type ReportSums,
} from "../../../model/cost/cost-report.ts";
import type { Month } from "../../../model/cost/month.ts";
import { csvRows } from "../import/csv-rows.ts";
import { openContent, unreadable } from "../import/source.ts";
import { parquetRows } from "./parquet-rows.ts";

const PARQUET_MAGIC = "PAR1";

/**
 * Sums up the files of a report, plain or gzipped CSV or Parquet: told apart by their first bytes, read in pieces however
 * long they are.
 * @throws MillwrightError `cost-report-invalid`, `import-file-unreadable`
 */
export async function readReport(
  files: readonly string[],
  asked: { readonly month: Month; readonly environment: string },
  signal: AbortSignal,
): Promise<ReportSums> {
  const report = sumReport(asked);
  for (const file of files) {
    const lines = (await isParquet(file)) ? parquetLines(file, signal) : csvLines(file, signal);
    for await (const { line, place } of lines) report.add(line, `${place} of ${file}`);
  }
  return report.sums();
}

interface PlacedLine {
  readonly line: ReportLine;
  readonly place: string;
}

const FIELDS = Object.entries(REPORT_COLUMNS) as [ReportField, string][];

async function* csvLines(file: string, signal: AbortSignal): AsyncGenerator<PlacedLine> {
  const content = await openContent(file, signal);
  let columns: readonly (readonly [ReportField, number])[] | undefined;
  for await (const { cells, line } of csvRows(file, content, { delimiter: ",", decimal: "." })) {
    if (columns !== undefined) {
      const fields = columns.map(([field, index]) => [field, cells[index]]);
      yield { line: Object.fromEntries(fields) as ReportLine, place: `line ${line}` };
      continue;
    }
    refuseWithoutColumns(cells);
    columns = FIELDS.map(([field, column]) => [field, cells.indexOf(column)] as const);
  }
  if (columns === undefined) throw unreadable(file, undefined, "it is empty");
}

async function* parquetLines(file: string, signal: AbortSignal): AsyncGenerator<PlacedLine> {
  const columns = FIELDS.map(([, column]) => column);
  let row = 0;
  for await (const rows of parquetRows(file, columns, refuseWithoutColumns)) {
    if (signal.aborted) throw unreadable(file, signal.reason, "interrupted");
    for (const values of rows) {
      row += 1;
      const fields = FIELDS.map(([field, column]) => [field, values[column]]);
      yield { line: Object.fromEntries(fields) as ReportLine, place: `row ${row}` };
    }
  }
}

async function isParquet(file: string): Promise<boolean> {
  const handle = await open(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PARQUET_MAGIC.length), 0);
    return buffer.toString("latin1", 0, bytesRead) === PARQUET_MAGIC;
  } catch (cause) {
    throw unreadable(file, cause);
  } finally {
    await handle.close();
  }
}
