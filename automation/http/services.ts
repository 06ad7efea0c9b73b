import type { Registry } from "prom-client";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { Settings } from "../../environment.ts";
import type { ReadingsPage, ReadingsRequest } from "../../handlers/query/process.ts";
import type { OperationService } from "../operations/service.ts";

/** What the API stands on. */
export interface ApiServices {
  readonly catalog: Catalog;
  readonly operations: OperationService;
  readonly log: Pick<EventLog, "append">;
  readonly readings: ReadingReader;
  readonly privateWebhooks: Settings["privateWebhooks"];
  /** By the name of the dependency; one that rejects, or does not answer in time, is down. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly metrics: {
    readonly registry: Registry;
    /** Metrics of other processes, in Prometheus text. */
    readonly more: () => Promise<string>;
  };
  readonly nowMs: () => number;
  /** Aborted when the service stops: open event streams end. */
  readonly stopping: AbortSignal;
}

/** Reads the series of a tenant, wherever they are placed now. */
export interface ReadingReader {
  readonly query: (request: PlacelessRequest) => Promise<ReadingsPage>;
}

/** The placement, and with it the epoch, is the reader's to find. */
export type PlacelessRequest = Omit<ReadingsRequest, "epoch">;
