import type pg from "pg";
import type { Logger } from "pino";
import { listCells } from "../../data/catalog/cell.ts";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import { currentTriggers, type StoredTriggers } from "../../data/catalog/trigger-config.ts";
import {
  addDecision,
  holdDecisions,
  restTrigger,
  startDecision,
  tryLockJudgement,
} from "../../data/catalog/trigger-decision.ts";
import { countDedicatedTenants } from "../../data/catalog/tenant.ts";
import { takenServerCount, triggerTenants, type TriggerTenant } from "../../data/catalog/trigger-tenant.ts";
import { moveProgress, progressOf } from "../../data/catalog/usage-progress.ts";
import { inTransaction, type Queryable } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { gateDecisions, type Hold, type Room } from "../../model/trigger-gate.ts";
import { judge, loadOf, type UsageHours } from "../../model/trigger.ts";
import { startOf } from "../../model/usage.ts";
import { quoteBasis, type PricedPlace } from "../cost/quote-basis.ts";
import { tierCosts } from "../cost/tier-costs.ts";
import type { StartMove } from "./move-port.ts";
import { readTriggerUsage } from "./read-usage.ts";
import { HOUR_MS } from "../../model/duration.ts";

/** An hour counts as closed so long after its end: what its last minutes brought is collected by then. */
const SETTLE_MS = 2 * 60_000;
/** A service that was away longer than minutes are kept does not decide about all that time afterwards. */
const MAX_CATCH_UP_HOURS = 35 * 24;

export interface TriggerDeps {
  /** The catalog, as its service role. */
  readonly catalog: pg.Pool;
  readonly startMove: StartMove;
  /** Servers that dedicated databases can claim; undefined: databases are built. */
  readonly dedicatedServerCount: number | undefined;
  readonly pricedPlace: PricedPlace;
  readonly logger: Pick<Logger, "info" | "warn">;
}

/**
 * Judges all tenants by their usage, and starts what may start. Any number of processes may do so at once: one judges,
 * the others find it done; a move is started under the decision's id, so twice is once.
 */
export async function evaluateTriggers(deps: TriggerDeps, nowMs: number): Promise<void> {
  const loads = await inTransaction(deps.catalog, (tx) => judgeTenants(tx, nowMs));
  if (loads === undefined || loads.size === 0) return;
  const ready = await inTransaction(deps.catalog, (tx) => holdOpen(tx, deps, loads, nowMs));
  for (const tenant of ready) await start(deps, tenant);
}

/** @returns the load of each tenant with a decision that is open, or undefined when another process is at it */
async function judgeTenants(
  tx: pg.ClientBase,
  nowMs: number,
): Promise<ReadonlyMap<TenantId, number> | undefined> {
  if (!(await tryLockJudgement(tx))) return undefined;
  const stored = await currentTriggers(tx);
  const { triggers } = stored;

  const openHourMs = startOf("hour", nowMs - SETTLE_MS);
  const doneUntilMs = (await progressOf(tx, "triggers"))?.getTime() ?? openHourMs;
  const fromMs = Math.max(Math.min(doneUntilMs, openHourMs), openHourMs - MAX_CATCH_UP_HOURS * HOUR_MS);
  const tenants = await triggerTenants(tx);
  const hours = { config: triggers, fromMs, toMs: openHourMs + HOUR_MS, isReplay: false };
  const { firstHourMs, from, to, usage } = await readTriggerUsage(tx, hours, tenants);

  const loads = new Map<TenantId, number>();
  for (const tenant of tenants) {
    const used = usage.get(tenant.tenant) ?? {};
    if (await judgeTenant(tx, stored, tenant, used)) loads.set(tenant.tenant, loadOf(triggers, used, to - 1));
  }
  await moveProgress(tx, "triggers", new Date(openHourMs));
  return loads;

  /** @returns whether it has an open decision */
  async function judgeTenant(
    db: Queryable,
    { triggers: config, version }: StoredTriggers,
    { tenant, last, tier, hasChangedTier, tierSinceMs }: TriggerTenant,
    used: UsageHours,
  ): Promise<boolean> {
    const hourOf = (ms: number) => Math.floor((ms - firstHourMs) / HOUR_MS);
    let raised = last?.isRaised === true ? last.direction : undefined;
    let decidedHour = last === undefined ? undefined : hourOf(last.hourMs);
    let isOpen = last?.isOpen === true;
    for (let hour = from; hour < to; hour++) {
      const judged = { tier, hasChangedTier, tierSinceHour: hourOf(tierSinceMs), usage: used };
      const judgement = judge(config, { ...judged, raised, decidedHour }, hour, hour < to - 1);
      if (judgement.kind === "rest") {
        const decision = await restTrigger(db, tenant);
        if (decision !== undefined)
          await recordSystemEvent(db, { kind: "trigger.withdrawn", tenant, detail: { decision } });
        [raised, isOpen] = [undefined, false];
      } else if (judgement.kind === "fire") {
        const { direction, reasons } = judgement;
        const hourMs = firstHourMs + hour * HOUR_MS;
        const decision = await addDecision(db, {
          tenant,
          direction,
          hourMs,
          reasons,
          configVersion: version,
        });
        await recordSystemEvent(db, {
          kind: "trigger.fired",
          tenant,
          detail: { decision, direction, reasons },
        });
        [raised, decidedHour, isOpen] = [direction, hour, true];
      }
    }
    return isOpen;
  }
}

interface Ready {
  readonly tenant: TriggerTenant;
  readonly decision: string;
}

/** Writes down why open decisions wait. @returns those that do not */
async function holdOpen(
  tx: pg.ClientBase,
  { dedicatedServerCount: servers, pricedPlace }: TriggerDeps,
  loads: ReadonlyMap<TenantId, number>,
  nowMs: number,
): Promise<readonly Ready[]> {
  const open = (await triggerTenants(tx)).filter(({ last }) => last?.isOpen === true);
  if (open.length === 0) return [];
  const { triggers } = await currentTriggers(tx);
  const costsOf = tierCosts(await quoteBasis(tx, pricedPlace, nowMs));
  const holds = gateDecisions(
    triggers,
    open.map(({ tenant, last, state, machines, isBusy, budgetUsdPerMonth }) => ({
      ...{ tenant, direction: last?.direction ?? "upgrade", load: loads.get(tenant) ?? 0 },
      ...{ isApproved: last?.isApproved === true, isBusy: isBusy || state !== "ready", budgetUsdPerMonth },
      dedicatedUsdPerMonth: costsOf(machines).dedicated,
    })),
    await roomNow(tx, servers),
    nowMs,
  );
  await holdDecisions(tx, new Map([...holds].filter(([, list]) => list.length > 0)));
  return open.flatMap((tenant) =>
    tenant.last !== undefined && holds.get(tenant.tenant)?.length === 0
      ? [{ tenant, decision: tenant.last.decision }]
      : [],
  );
}

/** What there is room for now. */
export async function roomNow(db: Queryable, dedicatedServerCount: number | undefined): Promise<Room> {
  const shared = (await listCells(db)).filter(({ tier }) => tier === "shared");
  return {
    dedicatedTenantCount: await countDedicatedTenants(db),
    freeServerCount:
      dedicatedServerCount === undefined ? Infinity : dedicatedServerCount - (await takenServerCount(db)),
    sharedPlaceCount: shared.reduce(
      (sum, { tenantCapacity, tenantCount }) => sum + tenantCapacity - tenantCount,
      0,
    ),
  };
}

async function start(
  { catalog, startMove, logger }: TriggerDeps,
  { tenant: { tenant, tier }, decision }: Ready,
) {
  const target = tier === "shared" ? "dedicated" : "shared";
  const facts = { tenantId: tenant, decision, target };
  try {
    const operation = await startMove(tenant, target, {
      id: decision,
      reason: `decision ${decision} of the triggers`,
    });
    const hasStarted = await inTransaction(catalog, async (tx) => {
      const isOurs = await startDecision(tx, decision, operation);
      if (isOurs)
        await recordSystemEvent(tx, {
          kind: "trigger.started",
          tenant,
          detail: { ...facts, operation },
          key: decision,
        });
      return isOurs;
    });
    if (hasStarted) logger.info({ ...facts, operationId: operation }, "a trigger moves a tenant");
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    const hold: Hold = { gate: "move", message: error.message };
    await holdDecisions(catalog, new Map([[tenant, [hold]]]));
  }
}
