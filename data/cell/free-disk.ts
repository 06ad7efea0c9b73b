import type pg from "pg";
import { isOutage, sqlState } from "../pool.ts";

const DISK_FULL = "53100";

/**
 * What is free where the server keeps its data, as the server itself sees it: it may be another machine, and its disk
 * another one than ours. Only a superuser may have a program run, and some servers let nobody.
 * @returns undefined when the server does not tell
 */
export async function freeDiskBytes(admin: pg.Client): Promise<number | undefined> {
  await admin.query("begin");
  try {
    await admin.query("create temp table disk_free (kib float8) on commit drop");
    // The working directory of a backend is its data directory. `df -P` is what POSIX has.
    await admin.query("copy disk_free from program 'df -Pk . | awk ''END { print $4 }'''");
    const { rows } = await admin.query<{ kib: number }>("select kib from disk_free");
    return rows[0] === undefined ? undefined : rows[0].kib * 1_024;
  } catch (error) {
    const state = sqlState(error);
    if (state === DISK_FULL) return 0;
    if (state === undefined || isOutage(error)) throw error;
    return undefined;
  } finally {
    await admin.query("rollback");
  }
}
