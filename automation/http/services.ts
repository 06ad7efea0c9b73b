import type { Registry } from "prom-client";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { Sealer } from "../../data/seal.ts";
import type { Settings } from "../../environment.ts";
import type { QueryService } from "../../handlers/query/query-service.ts";
import type { TenantCells } from "../../handlers/query/tenant-cells.ts";
import type { ChannelKind } from "../../model/channel.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { CostGate } from "../cost/environment.ts";
import type { Bills } from "../cost/bills.ts";
import type { DriftWatch } from "../drift/watch-drift.ts";
import type { TenantHealth } from "../health/tenant-health.ts";
import type { MachineEntrance } from "../machines/machine-entrance.ts";
import type { PlanRequest } from "../moves/moving-tenant.ts";
import type { MovePlan } from "../moves/plan-move.ts";
import type { ReceiptPublicKey } from "../moves/receipt-key.ts";
import type { OperationService } from "../operations/service.ts";

/** What the API stands on. */
export interface ApiServices extends CostGate {
  readonly catalog: Catalog;
  readonly operations: OperationService;
  readonly bills: Bills;
  readonly drift: Pick<DriftWatch, "checkNow">;
  readonly health: (tenant: TenantId) => Promise<TenantHealth>;
  readonly log: Pick<EventLog, "append">;
  readonly readings: Pick<QueryService, "query">;
  readonly cells: Pick<TenantCells, "inCell">;
  readonly privateWebhooks: Settings["privateWebhooks"];
  readonly channels: {
    /** Closes the secrets of channels; what it sealed the dispatcher opens. */
    readonly sealer: Sealer;
    /** What this installation can send. */
    readonly kinds: ReadonlySet<ChannelKind>;
  };
  /** Where machines sign in by certificates; undefined: by keys. */
  readonly machineEntrance: MachineEntrance | undefined;
  /** By the name of the dependency; one that rejects, or does not answer in time, is down. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly metrics: {
    readonly registry: Registry;
    /** Metrics of other processes, in Prometheus text. */
    readonly more: () => Promise<string>;
  };
  /** Servers that dedicated databases can claim; undefined: databases are built. */
  readonly dedicatedServerCount: number | undefined;
  readonly planMove: (request: PlanRequest) => Promise<MovePlan>;
  readonly receiptKey: ReceiptPublicKey;
  readonly nowMs: () => number;
  /** Aborted when the service stops: open event streams end. */
  readonly stopping: AbortSignal;
}
