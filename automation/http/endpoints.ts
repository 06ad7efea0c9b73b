import type { Registry } from "prom-client";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { Settings } from "../../environment.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { OperationService } from "../operations/service.ts";
import { alertEndpoints } from "./alert-routes.ts";
import { auditEndpoints } from "./audit-routes.ts";
import { channelEndpoints } from "./channel-routes.ts";
import { readEndpoints, type ReadingReader } from "./data-read-routes.ts";
import { writeEndpoints } from "./data-write-routes.ts";
import { docsEndpoints } from "./docs-page.ts";
import type { Endpoint } from "./endpoint.ts";
import { healthEndpoints, type HealthServices } from "./health-routes.ts";
import { keyEndpoints } from "./key-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { operationEndpoints } from "./operation-routes.ts";
import { ruleEndpoints } from "./rule-routes.ts";
import { tenantEndpoints } from "./tenant-routes.ts";

/** What the API stands on. */
export interface ApiServices extends HealthServices {
  readonly catalog: Catalog;
  readonly operations: OperationService;
  readonly log: Pick<EventLog, "append">;
  readonly readings: ReadingReader;
  readonly privateWebhooks: Settings["privateWebhooks"];
  readonly metrics: HealthServices["metrics"] & { readonly registry: Registry };
  readonly nowMs: () => number;
  /** Aborted when the service stops: open event streams end. */
  readonly stopping: AbortSignal;
}

/** Everything that can be called, the document of it included. */
export function apiEndpoints(services: ApiServices): readonly Endpoint[] {
  const endpoints: Endpoint[] = [
    ...tenantEndpoints(services),
    ...operationEndpoints(services),
    ...keyEndpoints(services),
    ...writeEndpoints(services),
    ...readEndpoints(services),
    ...ruleEndpoints(services),
    ...alertEndpoints(services),
    ...channelEndpoints(services),
    ...auditEndpoints(services),
    ...healthEndpoints(services),
  ];
  const all = [...endpoints, ...docsEndpoints(() => document)];
  const document = openApiDocument(all);
  return all;
}
