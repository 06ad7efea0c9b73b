import { parse } from "csv-parse";
import type { Readable } from "node:stream";
import { z } from "zod";
import { MillwrightError } from "../../../model/errors.ts";

/** One rate of a price list: a SKU has one for each step of its price. */
export interface OfferRow {
  /** By the columns' names in lower case, without blanks: `sku`, `usagetype`, `databaseengine`, `startingrange`, … */
  readonly cell: (column: string) => string;
}

/** What a price list says of itself. */
export interface OfferFacts {
  readonly offer: string;
  readonly version: string;
  /** Day of UTC. */
  readonly publishedOn: string;
}

const NEEDED = [
  ...["sku", "termtype", "usagetype", "operation", "startingrange", "endingrange", "unit", "priceperunit"],
  ...["currency", "pricedescription"],
];
const MAX_METADATA_ROWS = 20;
// An opening quote that is never closed would gather the rest of the file into one cell, and that in memory.
const MAX_ROW_BYTES = 1 << 20;

/**
 * Gives every row on demand of a price list, and at its end what the list is. The CSV form, because it has a rate with its
 * product in one row: the JSON form keeps products and prices apart, so that a file of 300 MB must be held or read twice.
 * @param file - names it in errors
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-files.html
 * @throws MillwrightError `price-list-invalid`
 */
export async function* offerRows(file: string, content: Readable): AsyncGenerator<OfferRow, OfferFacts> {
  const parser = parse({ bom: true, relax_column_count: true, max_record_size: MAX_ROW_BYTES });
  content.on("error", (error) => parser.destroy(error));
  content.pipe(parser);
  const metadata = new Map<string, string>();
  let columns: ReadonlyMap<string, number> | undefined;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (columns === undefined) {
        const [name = "", value = ""] = cells;
        if (name === "SKU") columns = columnsOf(file, cells);
        else if (metadata.size < MAX_METADATA_ROWS) metadata.set(name, value);
        else break;
        continue;
      }
      if (cells.length !== columns.size)
        throw invalid(file, `a row has ${cells.length} cells instead of ${columns.size}`);
      const row = rowOf(cells, columns);
      if (row.cell("termtype") === "OnDemand") yield row;
    }
  } catch (error) {
    if (isCsvError(error))
      throw invalid(file, "a quote is never closed, or a row is longer than 1 MiB", error);
    throw error;
  } finally {
    content.destroy();
  }
  if (columns === undefined) throw invalid(file, "it has no row of column names that begins with SKU");
  return factsOf(file, metadata);
}

function columnsOf(file: string, names: readonly string[]): Map<string, number> {
  const columns = new Map(names.map((name, index) => [name.toLowerCase().replaceAll(" ", ""), index]));
  const missing = NEEDED.filter((name) => !columns.has(name));
  if (columns.size !== names.length) throw invalid(file, "two of its columns have the same name");
  if (missing.length > 0) throw invalid(file, `it has no column ${missing.join(", ")}`);
  return columns;
}

function rowOf(cells: readonly string[], columns: ReadonlyMap<string, number>): OfferRow {
  return { cell: (column) => cells[columns.get(column) ?? -1] ?? "" };
}

function factsOf(file: string, metadata: ReadonlyMap<string, string>): OfferFacts {
  const version = metadata.get("FormatVersion");
  if (version !== "v1.0") throw invalid(file, `its format is '${version ?? ""}', not v1.0`);
  const publishedOn = metadata.get("Publication Date")?.slice(0, 10) ?? "";
  if (!z.iso.date().safeParse(publishedOn).success) throw invalid(file, "it has no date of publication");
  return { offer: metadata.get("OfferCode") ?? "", version: metadata.get("Version") ?? "", publishedOn };
}

function isCsvError(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("CSV_");
}

export function invalid(file: string, reason: string, cause?: unknown): MillwrightError {
  return new MillwrightError("price-list-invalid", `The price list ${file} is not usable: ${reason}.`, {
    cause,
  });
}
