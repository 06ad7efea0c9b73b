import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readFlip } from "../../../data/catalog/flip.ts";
import { cellAddress } from "../../../data/cell/cell-secret.ts";
import { dropTenantRows } from "../../../data/cell/prepare-cell.ts";
import { databaseUrl, isOutage } from "../../../data/pool.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { openCatalog } from "../../../data/catalog/catalog.ts";
import { queryReadings } from "../../../handlers/query/process.ts";
import { tenantCells } from "../../../handlers/query/tenant-cells.ts";
import { isFinished, type OperationStatus, type StepName } from "../../../model/operation.ts";
import { findings } from "../../checker/check.ts";
import { readJournal } from "../../checker/journal.ts";
import { readCell } from "../../checker/stored.ts";
import { asCellRole, dropTenantSchema } from "../cell.ts";
import { eventually } from "../eventually.ts";
import { MoveService } from "../move-service.ts";
import { randomFrom } from "../seed.ts";
import type { DataPlane, PlaneCell, PlaneTenant } from "./plane.ts";
import { JournalWriter, send } from "./producer.ts";
import { Workload } from "./workload.ts";

/** A named point of a move, and what breaks there. */
export interface MovePoint {
  readonly step: StepName;
  /** `inside`: some milliseconds after the step's beginning, which the seed chooses. */
  readonly phase: "before" | "inside" | "after";
  readonly fault: MoveFault;
}

/** The parts of a plane between whose cells a tenant moves. */
export interface MovePlane {
  readonly plane: DataPlane;
  readonly target: PlaneCell;
}

/** The load, and how long what stands still does so. */
export interface MoveRunOptions {
  readonly pauseMs: number;
  readonly standsStillMs: number;
}

/** The contract: so long after the last fault a move has ended, one way or the other. */
const END_LIMIT_MS = 60_000;
const CUT_MS = 500;
/** Inside a step: most take less, so that the next step is hit as well. */
const INSIDE_MS = 150;
const SENDERS = 2;
/** Stored before the move begins. */
const FIRST_RECORDS = 60n;

interface FaultContext extends MovePlane {
  readonly service: MoveService;
  readonly restart: () => Promise<void>;
  readonly standsStillMs: number;
}

/** Each breaks something, waits, and leaves it whole again. */
const FAULTS = {
  "service killed": async ({ service, restart }) => {
    await service.kill();
    await restart();
  },
  /** Another goes on with its work, and it wakes up as a zombie. */
  "service stopped": async ({ service, restart, standsStillMs }) => {
    service.freeze();
    await restart();
    await delay(standsStillMs);
    service.wake();
  },
  "host killed": async ({ plane }) => {
    const [host] = plane.hosts;
    if (host !== undefined) await plane.endHost(host, "kill");
    await plane.startHost();
  },
  "host stopped": async ({ plane, standsStillMs }) => {
    const [host] = plane.hosts;
    host?.freeze();
    await delay(standsStillMs);
    host?.wake();
  },
  "source killed": ({ plane }) => kill(plane.cell),
  "source cut off": ({ plane }) => cut(plane.cell),
  "target killed": ({ target }) => kill(target.server),
  "target cut off": ({ target }) => cut(target.server),
  "target's disk full": async ({ target: { server } }) => {
    await server.fillDisk();
    await delay(CUT_MS);
    await server.freeDisk();
    await server.up();
  },
  "log and catalog killed": ({ plane }) => kill(plane.catalogServer),
  "log and catalog cut off": ({ plane }) => cut(plane.catalogServer),
} as const satisfies Record<string, (context: FaultContext) => Promise<void>>;

type MoveFault = keyof typeof FAULTS;
export const MOVE_FAULTS = Object.keys(FAULTS) as readonly MoveFault[];

async function kill(server: DataPlane["cell"]): Promise<void> {
  await server.kill();
  await delay(CUT_MS);
  await server.up();
}

async function cut({ proxy }: DataPlane["cell"]): Promise<void> {
  proxy.cut();
  await delay(CUT_MS);
  proxy.mend();
}

/** What is found wrong after the move of a fresh tenant that was disturbed at the point; its operation is named, too. */
export async function moveRun(
  movePlane: MovePlane,
  id: string,
  point: MovePoint,
  random: () => number,
  { pauseMs, standsStillMs }: MoveRunOptions,
): Promise<{ readonly outcome: "moved" | "not moved"; readonly findings: readonly string[] }> {
  const { plane, target } = movePlane;
  if (plane.hosts.size === 0) await plane.startHost();
  const tenant = await plane.addTenant(id);
  const journal = new JournalWriter(path.join(plane.folder, `journal-${id}`));
  const stop = new AbortController();
  const log = plane.openLog();
  const senders = Array.from({ length: SENDERS }, (_, index) => {
    const connection = `${id}-${index}`;
    const workload = new Workload(randomFrom(Math.floor(random() * 2 ** 31)), connection, Date.now());
    return send({ ...tenant, connection, workload, log, journal, pauseMs }, stop.signal);
  });
  const reading = readUntil(plane, tenant, stop.signal);
  const services: MoveService[] = [];
  const startService = async (isFirst: boolean) => {
    const { step, phase } = point;
    const stopAt = { step, phase: phase === "inside" ? "before" : phase } as const;
    services.push(await MoveService.start({ ...placeOf(movePlane), ...(isFirst ? { stopAt } : {}) }));
  };
  try {
    await eventually(
      "the first records are stored",
      async () => (await storedIn(plane.firstCell, tenant)) > FIRST_RECORDS,
    );
    await startService(true);
    const [service] = services as [MoveService];
    const operation = await service.startMove(tenant.tenant, target.name);
    await Promise.race([service.atStop, tooLate(`the move does not come to ${point.step}`)]);
    if (point.phase === "inside") {
      service.goOn();
      await delay(random() * INSIDE_MS);
    }
    const restart = () => startService(false);
    const inflicted = FAULTS[point.fault]({ ...movePlane, service, restart, standsStillMs });
    service.goOn();
    await inflicted;

    const outcome = await ends(movePlane, tenant, operation);
    stop.abort();
    await Promise.all(senders);
    const vanishedCount = await reading;
    const home = outcome === "moved" ? target : plane.firstCell;
    await consumed(plane, home, tenant);
    const found = findings({
      ...{ ...tenant, journal: readJournal(journal.file), log: await plane.logEntries(tenant) },
      cell: await readCell(cellAddress(home.secret, "admin"), tenant.tenant),
      ...{ alerts: { alerts: [], deliveries: [] }, channels: [], received: [], published: [] },
    });
    if (vanishedCount > 0) found.push(`${vanishedCount} reads did not see what earlier ones had seen`);
    if (found.length === 0) await forget(movePlane, tenant, journal);
    return { outcome, findings: found };
  } finally {
    stop.abort();
    await Promise.all([...senders, reading]);
    for (const service of services) await service.kill();
    await log.close();
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

/** Waits for the end of the operation, and of its flip. */
async function ends(
  { plane, target }: MovePlane,
  { tenant }: PlaneTenant,
  operation: string,
): Promise<"moved" | "not moved"> {
  const { service } = plane.catalog;
  return eventually(
    "the end of the move",
    async () => {
      const { rows } = await service.query<{ status: OperationStatus }>(
        "select status from operation where operation = $1",
        [operation],
      );
      const placement = await readFlip(service, tenant);
      const isEnded = rows[0] !== undefined && isFinished(rows[0].status);
      if (!isEnded || placement?.state !== "stable" || placement.flipSource !== undefined) return undefined;
      return placement.cell === target.name ? "moved" : "not moved";
    },
    END_LIMIT_MS,
  );
}

async function storedIn({ secret }: PlaneCell, { tenant }: PlaneTenant): Promise<bigint> {
  return asCellRole(secret, "admin", async (client) => {
    const { rows } = await client.query<{ sum: bigint }>(
      "select coalesce(sum(next_offset), 0)::bigint as sum from millwright.log_position where tenant = $1",
      [tenant],
    );
    return rows[0]?.sum ?? 0n;
  });
}

async function consumed(plane: DataPlane, home: PlaneCell, tenant: PlaneTenant): Promise<void> {
  await eventually(
    `${home.name} has stored everything`,
    async () => {
      const entries = await plane.logEntries(tenant);
      const ends = new Map(entries.map(({ partition, offset }) => [partition, offset + 1n]));
      const end = [...ends.values()].reduce((sum, one) => sum + one, 0n);
      return (await storedIn(home, tenant)) === end;
    },
    END_LIMIT_MS,
  );
}

/** Reads all the time what the tenant has, as the API does. @returns how often readings were gone that had been there */
async function readUntil(plane: DataPlane, { tenant }: PlaneTenant, signal: AbortSignal): Promise<number> {
  const secrets = folderSecretStore(path.join(plane.home, "secrets"));
  const access = (await secrets.get("catalog")) as Parameters<typeof openCatalog>[0] &
    Parameters<typeof openCatalog>[1];
  const catalog = openCatalog(access, access, "test-reader");
  const cells = tenantCells({ catalog, secrets });
  let [last, vanishedCount] = [0, 0];
  while (!signal.aborted) {
    try {
      const { rows } = await cells.atHome(tenant, ({ pool, epoch }) =>
        queryReadings(
          { pool, now: Date.now, spent: () => undefined },
          { tenant, epoch, type: "energy", toMs: Date.now() + 3_600_000, limit: 10_000 },
        ),
      );
      if (rows.length < last) vanishedCount += 1;
      last = rows.length;
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
    await delay(20);
  }
  await Promise.all([cells.close(), catalog.close()]);
  return vanishedCount;
}

/** Takes away what a sound run has left, in both cells. */
async function forget(
  { plane, target }: MovePlane,
  tenant: PlaneTenant,
  journal: JournalWriter,
): Promise<void> {
  await plane.removeTenant(tenant);
  await dropTenantRows(target.secret, tenant.tenant);
  const { rowCount } = await asCellRole(target.secret, "admin", (client) =>
    client.query("select from pg_roles where rolname = $1", [
      `tenant_${tenant.tenant.replaceAll("-", "_")}_owner`,
    ]),
  );
  if (rowCount === 1) await dropTenantSchema(target.secret, tenant.tenant);
  await rm(journal.file);
}
