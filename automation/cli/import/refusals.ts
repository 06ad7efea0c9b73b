import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { RefusedRow } from "./import-file.ts";

/** How many refusals a person sees on the screen; all of them are in the file. */
const SHOWN = 20;

export interface Refusals {
  readonly first: readonly Pick<RefusedRow, "line" | "code" | "message">[];
  readonly add: (row: RefusedRow) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Gathers refused rows. The file has the columns of the import behind `refused_line`, `refused_code` and
 * `refused_message`, in the same dialect: corrected, it can be imported with the same map.
 * @param file - undefined: only the first ones are kept
 */
export async function openRefusals(
  file: string | undefined,
  header: readonly string[],
  delimiter: string,
): Promise<Refusals> {
  const first: Pick<RefusedRow, "line" | "code" | "message">[] = [];
  const stream = file === undefined ? undefined : createWriteStream(file);
  if (stream !== undefined) await once(stream, "open"); // a folder that does not exist stops the import at its start
  const write = async (cells: readonly string[]) => {
    if (stream === undefined) return;
    if (!stream.write(`${cells.map((cell) => quoted(cell, delimiter)).join(delimiter)}\n`)) {
      await once(stream, "drain");
    }
  };
  await write(["refused_line", "refused_code", "refused_message", ...header]);
  return {
    first,
    async add({ line, code, message, cells }) {
      if (first.length < SHOWN) first.push({ line, code, message });
      await write([String(line), code, message, ...cells]);
    },
    async close() {
      if (stream === undefined || stream.closed) return;
      stream.end();
      await finished(stream);
    },
  };
}

function quoted(cell: string, delimiter: string): string {
  return cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
