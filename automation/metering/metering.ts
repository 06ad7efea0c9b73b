import type pg from "pg";
import type { Logger } from "pino";
import { listCells } from "../../data/catalog/cell.ts";
import { countViolations, writeMinutes } from "../../data/catalog/usage-minute.ts";
import { forgetUsage, rollUpUsage } from "../../data/catalog/usage-rollup.ts";
import { readCellSecret } from "../../data/cell/cell-secret.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { pause } from "../../data/wait.ts";
import { QueryMeter } from "../../handlers/query/query-meter.ts";
import { collectCell } from "./collect-cell.ts";
import { MINUTE_MS } from "../../model/duration.ts";

/** What kill -9 loses of the queries' counts. Shorter costs the catalog writes of which only the last one of a minute stays. */
const FLUSH_MS = 5_000;
/** Behind the minute, so that what was appended in it is stored. What is not comes with the next pass. */
const PASS_AT_MS = 3_000;
/** Sizes are asked of every table's files; they change slowly. */
const STORAGE_EVERY_MINUTES = 10;
/** One connection each; a cell that hangs must not hold up the others. */
const CELLS_AT_ONCE = 8;

export interface MeteringDeps {
  /** The catalog, as its service role. */
  readonly catalog: pg.Pool;
  readonly secrets: SecretStore;
  readonly logger: Pick<Logger, "warn">;
  /** Runs after each pass, when all that could be summed up is. */
  readonly afterPass: () => Promise<void>;
}

export interface Metering {
  readonly queries: QueryMeter;
  /** Writes what is counted. */
  readonly stop: () => Promise<void>;
}

/** Writes the queries' counts every few seconds and sums up all meters every minute, until it is stopped. */
export function startMetering(deps: MeteringDeps): Metering {
  const { catalog, logger } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const queries = new QueryMeter((minutes) => writeMinutes(catalog, minutes));
  const warn = (message: string) => (error: unknown) => logger.warn({ error: String(error) }, message);

  const flushing = (async () => {
    while (!signal.aborted) {
      await pause(FLUSH_MS, signal);
      await queries.flush(Date.now()).catch(warn("counts of queries were not written; they are kept"));
    }
  })();
  const collecting = (async () => {
    while (!signal.aborted) {
      const nowMs = Date.now();
      const measuresStorage = Math.floor(nowMs / MINUTE_MS) % STORAGE_EVERY_MINUTES === 0;
      await sumUpUsage(deps, { nowMs, measuresStorage, signal }).catch(warn("usage was not summed up"));
      await deps.afterPass().catch(warn("triggers were not evaluated"));
      await pause(MINUTE_MS - ((Date.now() - PASS_AT_MS) % MINUTE_MS), signal);
    }
  })();
  return {
    queries,
    async stop() {
      stopping.abort();
      await Promise.all([flushing, collecting]); // the flusher's last turn comes after the abort
    },
  };
}

/** One pass over all cells and meters. A cell that is away is named in the log and left for the next pass. */
export async function sumUpUsage(
  { catalog, secrets, logger }: Omit<MeteringDeps, "afterPass">,
  pass: { readonly nowMs: number; readonly measuresStorage: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const waiting = [...(await listCells(catalog))];
  const collectNext = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell !== undefined && !pass.signal.aborted; cell = waiting.shift()) {
      const { name } = cell;
      try {
        const secret = await readCellSecret(secrets, name);
        if (secret !== undefined) await collectCell({ name, secret, catalog }, pass);
      } catch (error) {
        logger.warn({ cell: name, error: String(error) }, "the usage of a cell was not collected");
      }
    }
  };
  await Promise.all(Array.from({ length: CELLS_AT_ONCE }, collectNext));
  await countViolations(catalog);
  await rollUpUsage(catalog);
  await forgetUsage(catalog);
}
