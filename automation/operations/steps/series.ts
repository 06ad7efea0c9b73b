import { checkOwnership } from "../../../data/catalog/ownership.ts";
import { requireCellSecret } from "../../../data/cell/cell-secret.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { LOG_RETENTION_MS } from "../../../model/tenant-log.ts";
import { isShared } from "../../../model/topic-name.ts";
import { placedTenant } from "./stack.ts";
import type { OperationRun } from "./step.ts";

/** Makes the tenant's tables, fence and positions in its cell, or fits them to what has changed. */
export async function prepareSeries(run: OperationRun): Promise<undefined> {
  const { owned, deps } = run;
  const { tenant, placement } = await placedTenant(run);
  const secret = await requireCellSecret(deps.secrets, placement.cell);
  await checkOwnership(deps.catalog.service, owned);
  // a shared cell is prepared with the platform, at the start
  if (tenant.tier === "dedicated") await deps.cells.prepareCell(secret);
  const readings = placement.topics.filter(({ stream }) => stream === "readings");
  await deps.cells.prepareTenant(secret, {
    tenant: tenant.id,
    machines: tenant.machines,
    topics: await Promise.all(
      readings.map(async (topic) => ({
        ...topic,
        starts: isShared(topic.topic) ? await sharedStarts(deps.log, topic) : undefined,
      })),
    ),
    epoch: placement.epoch,
    role: "primary",
  });
  return undefined;
}

/** The ends of a shared topic: what lies before is of others, perhaps of a former tenant with the same id. */
async function sharedStarts(
  log: Pick<EventLog, "createTopic" | "bounds">,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<readonly bigint[]> {
  await log.createTopic(topic, partitions, { retentionMs: LOG_RETENTION_MS });
  const bounds = Array.from({ length: partitions }, (_, partition) => log.bounds({ topic, partition }));
  return (await Promise.all(bounds)).map(({ end }) => end);
}
