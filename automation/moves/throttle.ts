import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { onBothSides, type Move } from "../../data/cell/move/move-session.ts";
import {
  findNeighbour,
  probeInsert,
  probeQuery,
  type Neighbour,
} from "../../data/cell/move/neighbour-probe.ts";
import { pause } from "../../data/wait.ts";
import {
  FIRST_BYTES_PER_SECOND,
  MIN_BYTES_PER_SECOND,
  nextRate,
  type NeighbourLatency,
} from "../../model/copy-rate.ts";

/** Often enough for a percentile within seconds; ten small commits a second are nothing to a cell. */
const PROBE_EVERY_MS = 100;
const USUAL_PROBES = 50;
/** Fewer: the percentile is the slowest of all, which one checkpoint decides. More: neighbours wait longer for us to yield. */
const WINDOW_PROBES = 20;

/** Awaited before each piece of a copy goes on. */
export type Throttle = (byteCount: number) => Promise<void>;

/** A cell where others live, seen through a connection like theirs. */
interface ProbedCell {
  readonly client: pg.Client;
  readonly neighbour: Neighbour;
  readonly probeEveryMs: number;
}

/**
 * Runs `work`, a copy, with a throttle that leaves the tenant's neighbours on either side what they had before: what they
 * wait for is measured for some seconds before and all the time beside it ({@link nextRate}). Without neighbours there
 * is no throttle. Neighbours that cannot be seen any more are spared most.
 */
export async function sparingNeighbours<T>(
  move: Move,
  work: (throttle: Throttle | undefined) => Promise<T>,
  probeEveryMs = PROBE_EVERY_MS,
): Promise<T> {
  return onBothSides(move, async (source, target) => {
    const cells: ProbedCell[] = [];
    for (const client of [source, target]) {
      const neighbour = await findNeighbour(client, move.tenant);
      if (neighbour !== undefined) cells.push({ client, neighbour, probeEveryMs });
    }
    if (cells.length === 0) return work(undefined);
    const ended = new AbortController();
    const pacer = new Pacer();
    const usual = await latencies(cells, USUAL_PROBES, ended.signal);
    const adapting = adapt(pacer, cells, usual, ended.signal).catch(() => {
      pacer.bytesPerSecond = MIN_BYTES_PER_SECOND;
    });
    try {
      return await work((byteCount) => pacer.pass(byteCount));
    } finally {
      ended.abort();
      await adapting;
    }
  });
}

async function adapt(
  pacer: Pacer,
  cells: readonly ProbedCell[],
  usual: readonly NeighbourLatency[],
  ended: AbortSignal,
): Promise<void> {
  while (!ended.aborted) {
    const startMs = performance.now();
    const passedBefore = pacer.passedBytes;
    const now = await latencies(cells, WINDOW_PROBES, ended);
    const reached = ((pacer.passedBytes - passedBefore) / (performance.now() - startMs)) * 1_000;
    const rates = now.map((latency, index) =>
      nextRate(pacer.bytesPerSecond, reached, usual[index] ?? latency, latency),
    );
    pacer.bytesPerSecond = Math.min(...rates);
  }
}

/** Measures each cell `probeCount` times; fewer when `ended` aborts. */
async function latencies(
  cells: readonly ProbedCell[],
  probeCount: number,
  ended: AbortSignal,
): Promise<readonly NeighbourLatency[]> {
  return Promise.all(
    cells.map(async ({ client, neighbour, probeEveryMs }) => {
      const [inserts, queries]: [number[], number[]] = [[], []];
      for (let turn = 0; turn < probeCount && !ended.aborted; turn++) {
        inserts.push(await timed(() => probeInsert(client)));
        queries.push(await timed(() => probeQuery(client, neighbour, turn)));
        await pause(probeEveryMs, ended);
      }
      return { insertP95Ms: p95(inserts), queryP95Ms: p95(queries) };
    }),
  );
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Nearest rank; 0 of nothing. */
function p95(sample: readonly number[]): number {
  return sample.toSorted((a, b) => a - b)[Math.ceil(sample.length * 0.95) - 1] ?? 0;
}

/** Lets bytes pass at a rate, however many pipes share it. */
class Pacer {
  bytesPerSecond = FIRST_BYTES_PER_SECOND;
  passedBytes = 0;
  #freeAtMs = 0;

  async pass(byteCount: number): Promise<void> {
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (byteCount / this.bytesPerSecond) * 1_000;
    await delay(this.#freeAtMs - nowMs);
    this.passedBytes += byteCount;
  }
}
