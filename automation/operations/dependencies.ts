import type { CommandProgress, ServerCommand } from "../../data/aws/run-command.ts";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { Tenant } from "../../data/catalog/tenant.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import type { TenantInCell } from "../../data/cell/prepare-cell.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import type { StepName } from "../../model/operation.ts";
import type { TenantId, TopicKind } from "../../model/tenant.ts";
import type { CostGate } from "../cost/environment.ts";
import type { Engine, StackConfig } from "../engine/engine.ts";

/** What operations do inside a cell. All of it can be done again. */
export interface CellPorts {
  readonly prepareCell: (secret: CellSecret) => Promise<void>;
  readonly prepareTenant: (secret: CellSecret, inCell: TenantInCell) => Promise<void>;
  /** Removes the tenant from the cell's own tables; its schema is the engine's. Answers rows by table. */
  readonly dropTenantRows: (
    secret: CellSecret,
    tenant: TenantId,
  ) => Promise<Readonly<Record<string, number>>>;
  /** Opens the fence of a home that went back to an earlier state; false when the cell is not that home. */
  readonly settleFence: (secret: CellSecret, tenant: TenantId, epoch: bigint) => Promise<boolean>;
  /** @throws what the server says to this login */
  readonly checkLogin: (address: DatabaseAddress) => Promise<void>;
}

/** Runs scripts on the machines of cells. One that was sent is waited for, not sent again. */
export interface ServerPorts {
  readonly run: (command: ServerCommand, progress: CommandProgress) => Promise<void>;
}

/** The part of pino's interface that operations use. */
export interface OperationLogger {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
  readonly debug: (fields: object, message: string) => void;
}

/** Sees each try of a step before its first effect, and after its last one but before its end is recorded. */
type StepObserver = (step: StepName, phase: "before" | "after") => Promise<void> | void;

/** What a stack is brought up for. */
export interface StackPurpose {
  /** False where it is brought up to be destroyed. */
  readonly isStaying: boolean;
  /** What the operation adds to the bill: a tenant, a database of its own, or nothing. */
  readonly adds: "tenant" | "home" | "nothing";
}

export interface OperationDependencies extends CostGate {
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly log: EventLog;
  readonly secrets: SecretStore;
  readonly cells: CellPorts;
  /** undefined on a target whose servers keep no backups */
  readonly servers?: ServerPorts;
  /** Database of the queue's own tables; made when it is missing. */
  readonly databaseUrl: string;
  /** Names the platform stack that a tenant's stack refers to. */
  readonly environment: string;
  /** Absolute folder of the installation. */
  readonly home: string;
  /** Config of every tenant's stack, beside the tenant's own; left out: none. */
  readonly stackConfig?: (tenant: Tenant, purpose: StackPurpose) => Promise<StackConfig>;
  /** Revokes the certificates of a tenant's machines; left out: machines have none. */
  readonly revokeMachines?: (tenant: TenantId) => Promise<void>;
  /** How long the way back of a move stays open. */
  readonly moveGraceMs: number;
  /** Of tenants whose request does not say. */
  readonly defaultTopic: TopicKind;
  /** postgres:// URLs of empty servers for dedicated tenants; empty: we build clusters. */
  readonly dedicatedCellUrls: readonly string[];
  readonly logger: OperationLogger;
  /** Operations that run at the same time over all processes; 2 by default: each has an engine process of its own. */
  readonly concurrency?: number;
  readonly onStep?: StepObserver;
}
