import { getOperation } from "../../../../data/catalog/operation.ts";
import { inOwnership, setResult } from "../../../../data/catalog/ownership.ts";
import { shadowsOf } from "../../../../data/catalog/shadow.ts";
import { getTenant } from "../../../../data/catalog/tenant.ts";
import { asText, type TenantMove } from "../../../../data/catalog/tenant-move.ts";
import { getDecision } from "../../../../data/catalog/trigger-decision.ts";
import { requireCellSecret } from "../../../../data/cell/cell-secret.ts";
import { readRanges } from "../../../../data/cell/move/ledger.ts";
import { readMark } from "../../../../data/cell/move/mark.ts";
import { asMover } from "../../../../data/cell/move/move-session.ts";
import type { Operation, StepName } from "../../../../model/operation.ts";
import {
  RECEIPT_FORMAT,
  signedReceipt,
  type CleanUpReceipt,
  type MoveReceipt,
} from "../../../../model/receipt.ts";
import type { CellSite } from "../../../../data/catalog/cell.ts";
import { tierCostsOf } from "../../../cost/tier-costs.ts";
import { receiptKey } from "../../../moves/receipt-key.ts";
import { receiptSha256, signReceipt } from "../../../moves/receipt-signature.ts";
import type { StepRun } from "../step.ts";
import type { FlipPause } from "./flip.ts";
import { movingTenant, type MovingTenant } from "./moving.ts";

/** Part one, of a move or its way back: what was moved, how it is proven, and who wanted it. */
export async function issueReceipt(run: StepRun) {
  const { owned, deps } = run;
  const operation = await getOperation(deps.catalog.service, owned.operation);
  if (operation.result !== null) return undefined; // issued, and perhaps handed out: there is one
  const moving = await movingTenant(run);
  const receipt = signReceipt(await moveReceipt(run, moving, operation), await receiptKey(deps.secrets));
  const { home, other, placement } = moving;
  const result = { from: other.cell, to: home.cell, epoch: Number(placement.epoch), receipt };
  await inOwnership(deps.catalog.service, owned, (tx) => setResult(tx, owned.operation, result));
  return undefined;
}

async function moveReceipt(run: StepRun, moving: MovingTenant, operation: Operation): Promise<MoveReceipt> {
  const { service } = run.deps.catalog;
  const { record, home, other, placement } = moving;
  const now = new Date().toISOString();
  const { mark, sideTables, ranges } = await copied(run, moving);
  const proven = record.proven ?? { positions: [], tails: [] };
  const [shadow] = await shadowsOf(service, operation.tenant);
  const { machines } = await getTenant(service, operation.tenant);
  const costs = await tierCostsOf(service, run.deps.pricedPlace, { tenant: operation.tenant, machines });
  const pause = (detailOf(operation, "flip")["pause"] ?? { seen: null, flipMs: null }) as FlipPause;
  return {
    ...{ format: RECEIPT_FORMAT, kind: "move", operation: operation.id, tenant: operation.tenant },
    ...{ from: homeOf(other), to: homeOf(home) },
    decidedBy: {
      ...{ actor: operation.requestedBy, reason: operation.reason },
      trigger: operation.kind === "move" ? await triggerOf(run, record) : null,
    },
    times: {
      startedAt: operation.startedAt ?? operation.createdAt,
      flippedAt: record.flippedAt?.toISOString() ?? now,
      endedAt: now,
    },
    steps: operation.steps.flatMap(({ name, startedAt, finishedAt }) =>
      startedAt === null || finishedAt === null ? [] : [{ name, startedAt, finishedAt }],
    ),
    epochs: { before: String(placement.epoch - 1n), after: String(placement.epoch) },
    positions: { mark: mark ?? [...(proven.tails[0]?.from ?? [])], final: asText(proven.positions) },
    ranges,
    tails: proven.tails.map(({ from, until, series }) => ({
      ...{ from: [...from], until: [...until] },
      series: [...series],
    })),
    sideTables,
    totals: {
      rowCount: String(ranges.reduce((sum, { rowCount }) => sum + BigInt(rowCount), 0n)),
      byteCount: bytesOf(operation),
    },
    pause,
    cost: {
      source: "quote",
      beforeUsdPerMonth: costs[other.tier],
      afterUsdPerMonth: costs[home.tier],
    },
    rollbackUntil: shadow?.until?.toISOString() ?? now,
  };
}

/** What the ledger in the new home says; of a way back nothing: there all came by the log. */
async function copied(run: StepRun, { home, record }: MovingTenant) {
  const { tenant, kind } = run.owned;
  if (kind !== "move" || record.targetCell !== home.cell)
    return { mark: undefined, sideTables: [], ranges: [] };
  const secret = await requireCellSecret(run.deps.secrets, home.cell);
  return asMover({ tenant, token: run.owned.fencingToken }, secret, async (client) => {
    const { positions = [], sideTables = [] } = (await readMark(client, tenant)) ?? {};
    const ranges = (await readRanges(client, tenant)).map(({ type, from, to, proof }) => {
      if (proof === undefined) throw new RangeError(`${type} from ${from} to ${to} is not proven`);
      return { type, from, to, rowCount: String(proof.count), hash: proof.hash };
    });
    return { mark: asText(positions), sideTables: [...sideTables], ranges };
  });
}

async function triggerOf(run: StepRun, { decision: id }: TenantMove) {
  const decision = id === null ? undefined : await getDecision(run.deps.catalog.service, id);
  if (decision === undefined) return null;
  const { evidence, direction, approvedBy } = decision;
  const { hour, configVersion } = evidence;
  const reasons = evidence.reasons.map(({ metric, value, limit, windowHours }) => ({
    ...{ metric, value, limit, windowHours },
  }));
  return { decision: decision.id, direction, hour, configVersion, reasons, approvedBy };
}

/** Part two, of the clean-up: what is gone. */
export async function cleanUpReceipt(run: StepRun, { record, other }: MovingTenant) {
  const { service } = run.deps.catalog;
  const operation = await getOperation(service, run.owned.operation);
  const move = await getOperation(service, record.operation);
  const rows = (detailOf(operation, "drop-old-data")["rows"] ?? {}) as Readonly<Record<string, number>>;
  const partOne = signedReceipt.parse(move.result?.["receipt"]);
  const receipt: CleanUpReceipt = {
    ...{ format: RECEIPT_FORMAT, kind: "clean-up", operation: operation.id, tenant: operation.tenant },
    move: { operation: record.operation, receiptSha256: receiptSha256(partOne.receipt) },
    cell: other.cell,
    rows: Object.fromEntries(Object.entries(rows).map(([table, count]) => [table, String(count)])),
    droppedAt: new Date().toISOString(),
  };
  return signReceipt(receipt, await receiptKey(run.deps.secrets));
}

/** The bytes of the copy, where one run of the step counted them all. */
function bytesOf({ steps }: Operation): string | null {
  const copy = steps.find(({ name }) => name === "copy");
  const bytes = copy?.detail?.["bytes"];
  return copy?.attempts === 1 && typeof bytes === "number" ? String(bytes) : null;
}

function detailOf({ steps }: Operation, step: StepName): Readonly<Record<string, unknown>> {
  return steps.find(({ name }) => name === step)?.detail ?? {};
}

function homeOf({ cell, tier }: CellSite) {
  return { cell, tier };
}
