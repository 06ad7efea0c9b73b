import { createHash } from "node:crypto";
import type { ImportMap } from "../../../model/import-map.ts";
import { rowReader, type RowReader, type TimeReader } from "../../../model/import-row.ts";
import type { WireReading } from "../../../model/reading.ts";
import { csvRows } from "./csv-rows.ts";
import { ImportTally, type ImportReport } from "./import-tally.ts";
import { fileState, openContent, unreadable, type FileState } from "./source.ts";

/**
 * A batch ends with the reading that reaches one of these. The API takes 10,000 readings and 8 MB: half of it leaves
 * room for the last reading and the envelope, and one batch is what a kill makes the next run send again.
 */
const BATCH_READINGS = 5_000;
const BATCH_BYTES = 4_000_000;

/** One call of the API: the same file and map always give the same batches under the same ids. */
export interface ImportBatch {
  readonly id: string;
  readonly readings: readonly WireReading[];
}

/** What the platform did not take of a batch, by the reading's place in it. */
interface BatchAnswer {
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
}

/** One row that was not imported, with its cells, so that it can be corrected and imported by itself. */
export interface RefusedRow {
  readonly line: number;
  readonly code: string;
  readonly message: string;
  readonly cells: readonly string[];
}

export interface ImportPorts {
  readonly readTime: TimeReader;
  /** Left out in a dry run. */
  readonly send?: (batch: ImportBatch) => Promise<BatchAnswer>;
  readonly onHeader: (header: readonly string[]) => Promise<void>;
  readonly onRefused: (row: RefusedRow) => Promise<void>;
  readonly onProgress: (report: ImportReport) => void;
  readonly signal: AbortSignal;
  readonly nowMs: number;
}

interface Pending {
  readonly line: number;
  readonly cells: readonly string[];
  readonly reading: WireReading;
}

/**
 * Imports one file in two passes with bounded memory. The first one reads all of it and sends nothing, so a damaged
 * file or a map with a wrong column leaves no half import; the second one sends batch after batch, in the order of
 * the file.
 * @throws MillwrightError `import-map-invalid`, `import-file-unreadable`, and what `send` throws
 */
export async function importFile(file: string, map: ImportMap, ports: ImportPorts): Promise<ImportReport> {
  const before = await fileState(file);
  const { importId, rowCount, header } = await inspect(file, map, ports.signal);
  const readRow = rowReader(map, header, ports.readTime, ports.nowMs);
  await ports.onHeader(header);
  const tally = new ImportTally(rowCount, map);

  let pending: Pending[] = [];
  let pendingBytes = 0;
  let batchNumber = 0;
  const flush = async () => {
    if (pending.length === 0) return;
    batchNumber += 1;
    await sendBatch(`${importId}-${batchNumber}`, pending, tally, ports);
    pending = [];
    pendingBytes = 0;
    ports.onProgress(tally.report());
  };

  let isHeader = true;
  for await (const row of csvRows(file, await openContent(file, ports.signal), map.csv)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const reading = await readOrExplain(readRow, row, tally, ports);
    if (reading === undefined) continue;
    pending.push({ ...row, reading });
    pendingBytes += Buffer.byteLength(JSON.stringify(reading));
    if (pending.length === BATCH_READINGS || pendingBytes >= BATCH_BYTES) {
      await assertUnchanged(file, before); // before each send: a file that grows would be another import in the end
      await flush();
    }
  }
  await assertUnchanged(file, before);
  await flush();
  return tally.report();
}

/** Reads the file to its end: its identity, its size in rows and its header. */
async function inspect(file: string, map: ImportMap, signal: AbortSignal) {
  const content = await openContent(file, signal);
  // The content as it is uncompressed: the same rows are the same import, zipped or not.
  const hash = createHash("sha256").update(`${JSON.stringify(map)}\n`);
  content.on("data", (bytes: Buffer) => hash.update(bytes));
  let header: readonly string[] | undefined;
  let rowCount = 0;
  for await (const { cells } of csvRows(file, content, map.csv)) {
    if (header === undefined) header = cells;
    else rowCount += 1;
  }
  if (header === undefined)
    throw unreadable(file, undefined, "it is empty; the first row must name the columns");
  // 128 bits tell imports apart, and leave room for the batch's number in an id of 128 characters.
  return { importId: `import-${hash.digest("hex").slice(0, 32)}`, rowCount, header };
}

async function readOrExplain(
  readRow: RowReader,
  row: { readonly line: number; readonly cells: readonly string[] },
  tally: ImportTally,
  ports: ImportPorts,
): Promise<WireReading | undefined> {
  const outcome = readRow(row.cells);
  tally.countRow(outcome);
  if (outcome.kind === "refusal") {
    await ports.onRefused({ ...row, code: outcome.code, message: outcome.message });
  }
  return outcome.kind === "reading" ? outcome.reading : undefined;
}

async function sendBatch(
  id: string,
  pending: readonly Pending[],
  tally: ImportTally,
  ports: ImportPorts,
): Promise<void> {
  ports.signal.throwIfAborted();
  const readings = pending.map(({ reading }) => reading);
  if (ports.send === undefined) {
    tally.countDry(readings);
    return;
  }
  const { rejected } = await ports.send({ id, readings });
  tally.countAnswer(readings, new Set(rejected.map(({ index }) => index)));
  for (const { index, code, message } of rejected) {
    const refused = pending[index];
    if (refused !== undefined)
      await ports.onRefused({ line: refused.line, cells: refused.cells, code, message });
  }
}

/** @throws MillwrightError `import-file-unreadable` when somebody wrote to the file since the import began */
async function assertUnchanged(file: string, before: FileState): Promise<void> {
  const now = await fileState(file);
  if (now.sizeBytes === before.sizeBytes && now.modifiedMs === before.modifiedMs) return;
  throw unreadable(file, undefined, "it changed while it was read; import a copy that nobody writes to");
}
