import { createHash } from "node:crypto";
import type { TenantPlacement } from "../../data/catalog/placement.ts";
import { canonicalJson } from "../../model/canonical-json.ts";
import type { Operation, StepName } from "../../model/operation.ts";
import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";
import { isShared } from "../../model/topic-name.ts";

/**
 * What a delete leaves as proof: what was there, what went, when, and on whose word. `sha256` is the hash of the
 * certificate without it, as canonical JSON (keys in order, no white space).
 * @param catalogRows - rows deleted, by table
 */
export function deletionCertificate(
  operation: Operation,
  placement: TenantPlacement | undefined,
  catalogRows: Readonly<Record<string, number>>,
  deletedAt: Date,
): Readonly<Record<string, unknown>> {
  const detailOf = (name: StepName) => operation.steps.find((step) => step.name === name)?.detail;
  const topics = placement?.topics.map(({ topic }) => topic) ?? [];
  const shared = topics.filter(isShared);
  const certificate = {
    tenant: operation.tenant,
    operation: operation.id,
    requestedBy: operation.requestedBy,
    reason: operation.reason,
    deletedAt: deletedAt.toISOString(),
    placement: placement && {
      cell: placement.cell,
      database: placement.database,
      schema: placement.schema,
    },
    topics: topics.filter((topic) => !isShared(topic)),
    // The tenant's records in these go with their retention; nothing reads them any more.
    ...(shared.length === 0 ? {} : { expiring: { topics: shared, afterMs: LOG_RETENTION_MS } }),
    resources: detailOf("destroy")?.["changes"] ?? {},
    cellRows: detailOf("drop-data")?.["rows"] ?? {},
    catalogRows,
  };
  return { ...certificate, sha256: createHash("sha256").update(canonicalJson(certificate)).digest("hex") };
}
