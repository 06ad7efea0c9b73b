import { mkdtemp } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { flipTenant } from "../automation/moves/flip-tenant.ts";
import { sparingNeighbours } from "../automation/moves/throttle.ts";
import { readFlip } from "../data/catalog/flip.ts";
import { addShadow } from "../data/catalog/shadow.ts";
import { freezeTenant } from "../data/cell/freeze.ts";
import { carryHandling } from "../data/cell/move/carry-handling.ts";
import { awaitPositions } from "../data/cell/move/catch-up.ts";
import { copyRanges } from "../data/cell/move/copy-ranges.ts";
import { claimMove, markTenant } from "../data/cell/move/mark.ts";
import { onBothSides, type Move } from "../data/cell/move/move-session.ts";
import { planRanges } from "../data/cell/move/plan-ranges.ts";
import { readPositions, type Position } from "../data/cell/move/positions.ts";
import { proveRanges, proveTail } from "../data/cell/move/prove.ts";
import { createCluster, removeCluster, startCluster } from "../data/postgres-cluster/cluster.ts";
import type { TenantId } from "../model/tenant.ts";
import { asCellRole, prepareTestCell, testTenant } from "../test/support/cell.ts";
import { MovePlant, type CellName, type LoadedTenant } from "../test/support/live-move.ts";
import { prepareTarget } from "../test/support/move-cells.ts";
import { mochaHooks } from "../test/support/postgres.ts";
import { startTimescale } from "../test/support/real-services.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { differingBulk, emptyBulk, MACHINES, storeBulk } from "./move/bulk.ts";
import { Bystander } from "./move/bystander.ts";
import type { NeighbourReport } from "./move/neighbour.ts";
import { pipeBulk } from "./move/pipe.ts";
import type { ServiceKind } from "./services.ts";
import { quantile, round } from "./statistics.ts";

const ROWS = 5_000_000;
const SEED = 20_261_121;
const ROUNDS = 2;
const FLIPS = 30;
const NEIGHBOUR_SECONDS = 10;
/** With and without by turns: what else the machine does in these minutes goes to both. */
const NEIGHBOUR_ROUNDS = 4;
/** Of the tenant: some 150 readings a second in 20 calls, and a dashboard. */
const LOAD = { pauseMs: 100, readPauseMs: 200 };
const GRACE_MS = 600_000;
const A_DAY_MS = 86_400_000;

/**
 * A tenant of five million rows that writes on while it is moved between two database servers: the copy against one
 * COPY pipe of the same rows in the same minutes, the proof, its neighbour with and without a throttled copy, and thirty
 * flips there and back, watched by another process. At the end the tests' checker compares the log with both cells.
 */
export async function run({ services }: BenchOptions): Promise<BenchResult> {
  const servers = { S: await startServer(services), T: await startServer(services) };
  const cells = { S: servers.S.cell, T: servers.T.cell };
  const plant = await MovePlant.start({ cells, isReal: services === "real", consumersPerCell: 1 });
  try {
    return await measure(plant, services);
  } finally {
    await plant.close();
    for (const { remove } of Object.values(servers)) await remove();
    await mochaHooks.afterAll();
  }
}

/** Each cell has a server of its own, as a dedicated tenant has. */
async function startServer(kind: ServiceKind) {
  const folder = await mkdtemp(path.join(tmpdir(), "millwright-bench-move-"));
  if (kind === "real") {
    const { address, server } = await startTimescale({ folder });
    return { cell: await prepareTestCell(address), remove: () => server.remove() };
  }
  const cluster = path.join(folder, "cluster");
  await createCluster(cluster);
  const address = { ...(await startCluster(cluster)), database: "postgres" };
  return { cell: await prepareTestCell(address), remove: () => removeCluster(cluster) };
}

async function measure(plant: MovePlant, services: ServiceKind): Promise<BenchResult> {
  const { S, T } = plant.cells;
  const loaded = await plant.addTenant("mover");
  const { tenant } = loaded;
  await timed("stored", () => storeBulk(S, tenant, ROWS));
  const neighbour = await addNeighbour(plant);
  loaded.startLoad(SEED, { ...LOAD, clockMs: Date.now() - A_DAY_MS });
  await loaded.hasStoredMore("S", 100);

  const move = { tenant, source: S, target: T, token: 1n };
  const mark = await prepareMove(plant, move);
  await timed("planned", () => planRanges(move));
  const ratios = await neighbourRatios(move, neighbour);
  await neighbour.end();

  const rounds: { pipe: number; copy: number }[] = [];
  for (let number = 1; number <= ROUNDS; number++) {
    await emptyBulk(T, tenant);
    const pipe = await timed("pipe", () => pipeBulk(services, move));
    await emptyBulk(T, tenant);
    const copy = await timed("copy", () => copyRanges(move));
    rounds.push({ pipe: ROWS / pipe, copy: ROWS / copy });
  }
  const proveSeconds = await timed("prove", () => proveRanges(move));
  const flips = await flipBackAndForth(plant, loaded, mark);

  await loaded.stopLoad();
  for (const cell of ["S", "T"] as const) await loaded.hasStoredAll(cell);
  const bulk = await differingBulk(S, T, tenant);
  const findings: string[] = [];
  for (const cell of ["S", "T"] as const) {
    await emptyBulk(plant.cells[cell], tenant);
    findings.push(...(await loaded.findings(cell)).map((finding) => `${cell}: ${finding}`));
  }
  for (const finding of findings.slice(0, 20)) console.error(finding);
  const median = (pick: (one: (typeof rounds)[number]) => number) => quantile(rounds.map(pick), 0.5);
  return {
    figures: {
      copyRowsPerSecond: round(
        median(({ copy }) => copy),
        0,
      ),
      pipeRowsPerSecond: round(
        median(({ pipe }) => pipe),
        0,
      ),
      // of neighbours in time: a machine that has other work to do slows both down
      copyRatioToPipe: round(
        median(({ copy, pipe }) => copy / pipe),
        2,
      ),
      // each row is hashed on both sides, by all cores that there are
      proveRowsPerSecondPerCore: round((2 * ROWS) / proveSeconds / availableParallelism(), 0),
      pauseP50Ms: round(quantile(flips.pausesMs, 0.5)),
      pauseP99Ms: round(quantile(flips.pausesMs, 0.99)),
      rollbackP99Ms: round(quantile(flips.rollbacksMs, 0.99)),
      ...ratios,
      lost: bulk.lost + findings.filter((finding) => !finding.includes("too many")).length,
      doubled: bulk.doubled + findings.filter((finding) => finding.includes("too many")).length,
    },
    context: {
      services:
        services === "real" ? "TimescaleDB and Kafka, durable" : "embedded PostgreSQL and log, durable",
      ...{ rows: ROWS, rounds: ROUNDS, flips: FLIPS, seed: SEED, machines: MACHINES },
      pipe: services === "real" ? "psql | psql" : "one pipe of our driver",
      liveRecordsPerSecond: round(flips.liveRecordsPerSecond),
      reads: loaded.readCount,
      vanished: loaded.vanishedCount,
      alarms: plant.alarms.length,
    },
  };
}

/** @returns seconds */
async function timed(what: string, work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1_000;
  console.error(`${what}: ${round(seconds, 2)} s, ${round(ROWS / seconds, 0)} rows/s`);
  return seconds;
}

async function addNeighbour({ cells: { S } }: MovePlant): Promise<Bystander<NeighbourReport>> {
  const tenant = await testTenant(S, "neighbour", { topics: [] });
  await asCellRole(S, "admin", async (client) => {
    await client.query("select millwright.ensure_partitions($1, 'machine_telemetry', array[current_date])", [
      tenant,
    ]);
    await client.query(
      `insert into millwright.machine (tenant, type, machine_id, site_id, first_log_ref)
       select $1, 'machine', 'm-' || n, '', n from generate_series(0, 19) n`,
      [tenant],
    );
  });
  return Bystander.start("neighbour.ts", { cell: S, tenant });
}

/** All that comes before the copy. @returns the mark */
async function prepareMove(plant: MovePlant, move: Move): Promise<readonly Position[]> {
  const { tenant, source, target } = move;
  await prepareTarget(target, tenant);
  for (const cell of [source, target]) await freezeTenant(cell, tenant);
  await claimMove(move);
  const { positions } = await markTenant(move);
  await addShadow(plant.test.catalog.service, { tenant, cell: "T", epoch: 1n });
  return positions;
}

/** What the neighbour waits for while a throttled copy runs, by what it waits for without one. */
async function neighbourRatios(move: Move, neighbour: Bystander<NeighbourReport>) {
  const seen = async () => {
    await neighbour.ask();
    await new Promise((resolve) => setTimeout(resolve, NEIGHBOUR_SECONDS * 1_000));
    return neighbour.ask();
  };
  let byteCount = 0;
  const copyBeside = () =>
    sparingNeighbours(move, async (throttle) => {
      const end = new AbortController();
      let copied = 0;
      const copying = copyRanges(move, {
        ...(throttle === undefined ? {} : { throttle }),
        signal: end.signal,
        onProgress: (progress) => (copied = progress.byteCount),
      }).catch((error: unknown) => {
        if (!end.signal.aborted) throw error;
      });
      const report = await seen();
      end.abort();
      await copying;
      byteCount += copied;
      return report;
    });
  const rounds: { without: NeighbourReport; beside: NeighbourReport }[] = [];
  for (let number = 1; number <= NEIGHBOUR_ROUNDS; number++)
    rounds.push({ without: await seen(), beside: await copyBeside() });
  const p95 = (of: "without" | "beside", what: keyof NeighbourReport) =>
    quantile(
      rounds.flatMap((one) => one[of][what]),
      0.95,
    );
  for (const what of ["insert", "query"] as const)
    console.error(
      `neighbour's ${what}: p95 ${round(p95("without", what))} ms, ${round(p95("beside", what))} ms beside a copy`,
    );
  const ratio = (what: keyof NeighbourReport) => p95("beside", what) / p95("without", what);
  const [insert, query] = [ratio("insert"), ratio("query")];
  return {
    neighbourP95Ratio: round(Math.max(insert, query), 2),
    neighbourInsertP95Ratio: round(insert, 2),
    neighbourQueryP95Ratio: round(query, 2),
    throttledMbPerSecond: round(byteCount / 1e6 / NEIGHBOUR_SECONDS / NEIGHBOUR_ROUNDS),
  };
}

/** @returns the pauses of all flips, seen from outside, and how long each flip back took */
async function flipBackAndForth(plant: MovePlant, loaded: LoadedTenant, mark: readonly Position[]) {
  const { tenant } = loaded;
  const watcher = await Bystander.start<number>("pause-watcher.ts", {
    ...{ tenant, catalog: plant.test.admin, cells: plant.cells },
  });
  const [pausesMs, rollbacksMs]: [number[], number[]] = [[], []];
  const startMs = performance.now();
  const before = await loaded.storedCount("T");
  let since = mark;
  for (let flip = 0; flip < 2 * FLIPS; flip++) {
    const [from, to] = flip % 2 === 0 ? (["S", "T"] as const) : (["T", "S"] as const);
    await loaded.hasStoredMore(from, 5);
    await watcher.ask();
    const beganMs = performance.now();
    since = await flipOnce(plant, tenant, from, to, since);
    if (from === "T") rollbacksMs.push(performance.now() - beganMs);
    await loaded.hasStoredMore(to, 3);
    pausesMs.push(await watcher.ask());
  }
  const recordCount = Number((await loaded.storedCount("T")) - before);
  await watcher.end();
  return {
    ...{ pausesMs, rollbacksMs },
    liveRecordsPerSecond: (recordCount / (performance.now() - startMs)) * 1_000,
  };
}

/** As the operation flips. @returns the positions that the source had at the end */
async function flipOnce(
  plant: MovePlant,
  tenant: TenantId,
  from: CellName,
  to: CellName,
  since: readonly Position[],
): Promise<readonly Position[]> {
  const { service } = plant.test.catalog;
  const move = { tenant, source: plant.cells[from], target: plant.cells[to], token: 1n };
  return onBothSides(move, async (source, target) => {
    const sides = { tenant, source, target };
    let proven = since;
    const proveUpTo = async (signal: AbortSignal) => {
      const reached = await readPositions(source, tenant);
      await awaitPositions(sides, reached, signal);
      await proveTail(sides, proven, reached);
      proven = reached;
    };
    await carryHandling(sides);
    for (let round = 0; round < 2; round++) await proveUpTo(AbortSignal.timeout(60_000));
    const placement = await readFlip(service, tenant);
    await flipTenant(
      { service, secretOf: (cell) => Promise.resolve(plant.cells[cell as CellName]) },
      {
        ...{ tenant, epoch: placement!.epoch, target: to, graceMs: GRACE_MS },
        prove: async (signal) => {
          await proveUpTo(signal);
          await carryHandling(sides);
        },
      },
    );
    return proven;
  });
}
