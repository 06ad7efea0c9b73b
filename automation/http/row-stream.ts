import { once } from "node:events";
import type { Response } from "express";
import type { ReadingRow } from "../../data/cell/read-readings.ts";
import { CSV_TYPE, csvLine } from "../../model/csv.ts";
import { METRICS, type ReadingType } from "../../model/reading.ts";
import type { Hold } from "../entrance/room.ts";

/** Rows as text. */
export interface RowFormat<Row> {
  readonly mediaType: string;
  readonly head: string;
  readonly line: (row: Row) => string;
}

export const NDJSON: RowFormat<ReadingRow> = {
  mediaType: "application/x-ndjson",
  head: "",
  line: (row) => `${JSON.stringify(row)}\n`,
};

/** RFC 4180, a header line first, every metric of the type a column. It has no place for qualities: NDJSON has. */
export function csvFormat(type: ReadingType): RowFormat<ReadingRow> {
  const columns = ["time", "machineId", "siteId", ...METRICS[type].map(({ name }) => name)];
  return {
    mediaType: CSV_TYPE,
    head: csvLine(columns),
    line: (row) => csvLine(columns.map((column) => plainValue(row[column]))),
  };
}

function plainValue(value: ReadingRow[string] | undefined): string | number | null {
  return typeof value === "string" || typeof value === "number" ? value : null;
}

/**
 * Writes page after page, each when the client has taken the one before, so that memory holds one page. The first page
 * is read before the headers go out: what is wrong with the request is still a problem, not a broken stream.
 */
export async function sendRows<Row>(
  response: Response,
  format: RowFormat<Row>,
  pages: AsyncIterableIterator<readonly Row[]>,
  keep: Hold["keep"],
): Promise<void> {
  let page = await nextText();
  response.status(200).set("Content-Type", format.mediaType);
  response.write(format.head);
  while (page !== undefined && !response.destroyed) {
    const isRoomLeft = response.write(page);
    page = undefined; // while it waits, it is held once
    if (!isRoomLeft) await Promise.race([once(response, "drain"), once(response, "close")]);
    page = await nextText();
  }
  response.end();

  async function nextText(): Promise<string | undefined> {
    const next = await pages.next();
    if (next.done === true) return undefined;
    const text = next.value.map(format.line).join("");
    keep(text.length);
    return text;
  }
}
