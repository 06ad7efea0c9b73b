import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { cellAddress } from "../../../data/cell/cell-secret.ts";
import { dropTenantRows } from "../../../data/cell/prepare-cell.ts";
import { databaseUrl } from "../../../data/pool.ts";
import { hasCode } from "../../../model/errors.ts";
import { findings } from "../../checker/check.ts";
import { readJournal } from "../../checker/journal.ts";
import { readCell } from "../../checker/stored.ts";
import { dropTenantSchema } from "../cell.ts";
import { eventually } from "../eventually.ts";
import { MoveService } from "../move-service.ts";
import { MoveLoad } from "./move-load.ts";
import { betweenFindings, endOfMove, hasGivenUp, storedIn, type MoveOutcome } from "./move-end.ts";
import { faultOf, type FaultContext, type MovePlane, type MovePoint } from "./move-faults.ts";
import type { PlaneCell, PlaneTenant } from "./plane.ts";

/** The load, and how long what stands still does so. */
export interface MoveRunOptions {
  readonly rowsPerSecond: number;
  readonly standsStillMs: number;
}

interface MoveReport {
  readonly outcome: MoveOutcome;
  /** From the end of the fault to the end of the move. */
  readonly endedAfterMs: number;
  readonly rowCount: number;
  readonly rowsPerSecond: number;
  readonly readCount: number;
  readonly findings: readonly string[];
}

/** The contract: so long after the last fault a move has ended, one way or the other. */
const END_LIMIT_MS = 60_000;
const MOMENT_MS = 500;
/** Inside a step: most take less, so that the next step is hit as well. */
const INSIDE_MS = 150;
/** A move waits two minutes for a database, and as long as some of its attempts take. */
const GIVING_UP_LIMIT_MS = 300_000;
/** Stored before the move begins. */
const FIRST_RECORDS = 60n;

/** Moves a fresh tenant that is written to and read, disturbs the move at the point, and looks what became of both. */
export async function moveRun(
  movePlane: MovePlane,
  id: string,
  point: MovePoint,
  random: () => number,
  options: MoveRunOptions,
): Promise<MoveReport> {
  const { plane, target } = movePlane;
  if (plane.hosts.size === 0) await plane.startHost();
  const tenant = await plane.addTenant(id);
  const load = new MoveLoad(plane, tenant, random, options.rowsPerSecond);
  const services: MoveService[] = [];
  const startService = async (stopAt?: Pick<MovePoint, "step" | "phase">) => {
    const phase = stopAt?.phase === "after" ? "after" : "before";
    const stop = stopAt === undefined ? {} : { stopAt: { step: stopAt.step, phase } as const };
    services.push(await MoveService.start({ ...placeOf(movePlane), ...stop }));
  };
  try {
    await eventually(
      "the first records are stored",
      async () => (await storedIn(plane.firstCell, tenant)) > FIRST_RECORDS,
    );
    await startService(point);
    const [service] = services as [MoveService];
    const operation = await service.startMove(tenant.tenant, target.name);
    await Promise.race([service.atStop, tooLate(`the move does not come to ${point.step}`)]);
    if (point.phase === "inside") {
      service.goOn();
      await delay(random() * INSIDE_MS);
    }
    const cancel = async () => {
      await service.cancel(operation).catch((error: unknown) => {
        if (!hasCode(error, "operation-not-cancellable")) throw error;
      });
    };
    const context = { ...movePlane, service, startService: () => startService(), cancel };
    await inflict(point, context, operation, options.standsStillMs);

    const brokenUntilMs = performance.now();
    const { outcome, status } = await endOfMove(movePlane, tenant, operation, END_LIMIT_MS);
    const endedAfterMs = performance.now() - brokenUntilMs;
    const found = await betweenFindings(movePlane, tenant.tenant, outcome);
    if (outcome === "moved" && status !== "succeeded")
      found.push(`it has moved, and the operation ${status}`);
    if (outcome === "not moved") {
      await storesOn(plane.firstCell, tenant);
      const again = await services.at(-1)!.startMove(tenant.tenant, target.name);
      const second = await endOfMove(movePlane, tenant, again, END_LIMIT_MS);
      if (second.outcome !== "moved") found.push("another move, undisturbed, has not moved the tenant");
    } else await storesOn(target, tenant);

    await load.stop();
    await eventually(
      "everything is stored at home",
      async () => (await storedIn(target, tenant)) === (await plane.logEnd(tenant)),
      END_LIMIT_MS,
    );
    found.push(...load.watcher.findings, ...(await rowFindings(movePlane, tenant, load)));
    if (found.length === 0) await forget(movePlane, tenant, load);
    const { rowCount, rowsPerSecond, watcher } = load;
    return { outcome, endedAfterMs, rowCount, rowsPerSecond, readCount: watcher.readCount, findings: found };
  } finally {
    await load.stop();
    for (const service of services) await service.kill();
  }
}

/** Breaks what the point says, lets the move go on into it, and leaves all whole again. */
async function inflict(
  point: MovePoint,
  context: FaultContext,
  operation: string,
  standsStillMs: number,
): Promise<void> {
  const { begin, end, lasts } = faultOf(point);
  await begin(context);
  try {
    context.service.goOn();
    if (lasts === "until given up")
      await eventually("the move gives up", () => hasGivenUp(context, operation), GIVING_UP_LIMIT_MS);
    else await delay(lasts === "moment" ? MOMENT_MS : standsStillMs);
  } finally {
    await end(context);
  }
}

async function tooLate(what: string): Promise<never> {
  await delay(END_LIMIT_MS, undefined, { ref: false });
  throw new Error(what);
}

function placeOf({ plane, target }: MovePlane) {
  const { catalogAdmin, catalogServer } = plane;
  const queue = {
    ...catalogAdmin,
    port: catalogServer.proxy.port,
    database: `${catalogAdmin.database}_queue`,
  };
  const cells = Object.fromEntries(
    [plane.firstCell, target].map(({ name, server, secret }) => [
      name,
      { ...secret, port: server.proxy.port },
    ]),
  );
  return { home: plane.home, queueUrl: databaseUrl(queue), cells };
}

async function storesOn(home: PlaneCell, tenant: PlaneTenant): Promise<void> {
  const before = await storedIn(home, tenant);
  await eventually(
    `${home.name} stores on`,
    async () => (await storedIn(home, tenant)) > before,
    END_LIMIT_MS,
  );
}

/** The checker's word on the new home. */
async function rowFindings({ plane, target }: MovePlane, tenant: PlaneTenant, load: MoveLoad) {
  return findings({
    ...{ ...tenant, journal: readJournal(load.journal.file), log: await plane.logEntries(tenant) },
    cell: await readCell(cellAddress(target.secret, "admin"), tenant.tenant),
    ...{ alerts: { alerts: [], deliveries: [] }, channels: [], received: [], published: [] },
  });
}

/** Takes away what a sound run has left, in both cells. */
async function forget({ plane, target }: MovePlane, tenant: PlaneTenant, load: MoveLoad): Promise<void> {
  await plane.removeTenant(tenant);
  await dropTenantRows(target.secret, tenant.tenant);
  await dropTenantSchema(target.secret, tenant.tenant);
  await rm(load.journal.file);
}
