import type pg from "pg";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import { sqlState } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { HOUR_MS } from "../../model/duration.ts";

/** A place where ingestion stands still. */
export interface Stop {
  readonly cell: string;
  readonly tenant?: string | undefined;
  readonly topic?: string;
  readonly partition?: number;
  readonly error: unknown;
}

/** Records that ingestion stopped: once an hour and place, however often the alarm repeats while it is tried again. */
export async function tellStopped(catalog: pg.Pool, stop: Stop, nowMs: number): Promise<void> {
  const { tenant, error, ...place } = stop;
  const code = codeOf(error);
  await recordSystemEvent(catalog, {
    kind: "ingestion.stopped",
    ...(tenant === undefined ? {} : { tenant }),
    detail: { ...place, code },
    key: JSON.stringify([place, tenant, code, Math.floor(nowMs / HOUR_MS)]),
  });
}

/** A code only: a database's message may quote a row. */
function codeOf(error: unknown): string {
  if (error instanceof MillwrightError) return error.code;
  const state = sqlState(error instanceof Error && error.cause !== undefined ? error.cause : error);
  return state === undefined ? "unknown" : `sqlstate-${state}`;
}
