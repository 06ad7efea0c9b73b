import { alertLatencyEndpoints } from "./alert-latency-routes.ts";
import { alertEndpoints } from "./alert-routes.ts";
import { auditEndpoints } from "./audit-routes.ts";
import { billEndpoints } from "./bill-routes.ts";
import { costCheckEndpoints } from "./cost-check-routes.ts";
import { channelEndpoints } from "./channel-routes.ts";
import { certificateEndpoints } from "./certificate-routes.ts";
import { readEndpoints } from "./data-read-routes.ts";
import { writeEndpoints } from "./data-write-routes.ts";
import { decisionEndpoints } from "./decision-routes.ts";
import { costQuoteEndpoints } from "./cost-quote-routes.ts";
import { costEnvironmentEndpoints } from "./cost-environment-routes.ts";
import { costDecisionEndpoints } from "./cost-decision-routes.ts";
import { deadLetterEndpoints } from "./dead-letter-routes.ts";
import { docsEndpoints } from "./docs-page.ts";
import { driftEndpoints } from "./drift-routes.ts";
import type { Endpoint } from "./endpoint.ts";
import { externalAlertEndpoints } from "./external-alert-routes.ts";
import { healthEndpoints } from "./health-routes.ts";
import { inAppEndpoints } from "./in-app-routes.ts";
import { incidentEndpoints } from "./incident-routes.ts";
import { keyEndpoints } from "./key-routes.ts";
import { machineEndpoints } from "./machine-routes.ts";
import { moveEndpoints } from "./move-routes.ts";
import { movePlanEndpoints } from "./move-plan-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { operationEndpoints } from "./operation-routes.ts";
import { outOfServiceEndpoints } from "./out-of-service-routes.ts";
import { problemEndpoints } from "./problem-routes.ts";
import { receiptEndpoints } from "./receipt-routes.ts";
import { ruleEndpoints } from "./rule-routes.ts";
import type { ApiServices } from "./services.ts";
import { systemEventEndpoints } from "./system-event-routes.ts";
import { tenantHealthEndpoints } from "./tenant-health-routes.ts";
import { tenantEndpoints } from "./tenant-routes.ts";
import { triggerEndpoints } from "./trigger-routes.ts";
import { usageEndpoints } from "./usage-routes.ts";

/** Everything that can be called, the document of it included. */
export function apiEndpoints(services: ApiServices): readonly Endpoint[] {
  const endpoints: Endpoint[] = [
    ...tenantEndpoints(services),
    ...moveEndpoints(services),
    ...movePlanEndpoints(services),
    ...operationEndpoints(services),
    ...receiptEndpoints(services),
    ...keyEndpoints(services),
    ...writeEndpoints(services),
    ...deadLetterEndpoints(services), // before `/v1/data/:type`, which would take its word for a type
    ...readEndpoints(services),
    ...ruleEndpoints(services),
    // before `/v1/alerts/:alertId`, which would take their words for ids
    ...alertLatencyEndpoints(services),
    ...inAppEndpoints(services),
    ...externalAlertEndpoints(services),
    ...alertEndpoints(services),
    ...incidentEndpoints(services),
    ...machineEndpoints(services),
    ...certificateEndpoints(services),
    ...outOfServiceEndpoints(services),
    ...channelEndpoints(services),
    ...auditEndpoints(services),
    ...usageEndpoints(services),
    ...billEndpoints(services),
    ...costCheckEndpoints(services),
    ...costQuoteEndpoints(services),
    ...costEnvironmentEndpoints(services),
    ...costDecisionEndpoints(services),
    ...triggerEndpoints(services),
    ...decisionEndpoints(services),
    ...systemEventEndpoints(services),
    ...driftEndpoints(services),
    ...tenantHealthEndpoints(services),
    ...healthEndpoints(services),
    ...problemEndpoints(),
  ];
  const all = [...endpoints, ...docsEndpoints(() => document)];
  const document = openApiDocument(all);
  return all;
}
