import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";

/** Replaces the file whole: written beside and renamed, so that a reader, a kill or a power cut never meets half of it. */
export async function writeWhole(file: string, content: string, mode = 0o644): Promise<void> {
  const written = `${file}.${randomUUID()}`;
  try {
    await writeFile(written, content, { mode, flush: true });
    await rename(written, file);
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
}
