import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { unreadable } from "../import/source.ts";

/**
 * Rows of a Parquet file, a row group at a time; of its columns only those that are asked for are read.
 * @param check - of the names of all columns that it has
 * @throws MillwrightError `import-file-unreadable`
 */
export async function* parquetRows(
  path: string,
  columns: readonly string[],
  check: (columns: readonly string[]) => void,
): AsyncGenerator<readonly Readonly<Record<string, unknown>>[]> {
  const readable = <T>(work: Promise<T>) =>
    work.catch((cause: unknown) => {
      throw unreadable(path, cause, `it is no Parquet file that can be read: ${(cause as Error).message}`);
    });
  const file = await readable(asyncBufferFromFile(path));
  const metadata = await readable(parquetMetadataAsync(file));
  check(parquetSchema(metadata).children.map(({ element }) => element.name));
  let rowStart = 0;
  for (const { num_rows: count } of metadata.row_groups) {
    const rowEnd = rowStart + Number(count);
    yield await readable(parquetReadObjects({ file, metadata, columns: [...columns], rowStart, rowEnd }));
    rowStart = rowEnd;
  }
}
