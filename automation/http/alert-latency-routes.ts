import * as z from "zod";
import { latencySummary } from "../../data/catalog/alert-latency.ts";
import { LATENCY_STAGES, PROMISED_LATENCY_MS } from "../../model/alert-latency.ts";
import { MillwrightError } from "../../model/errors.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant } from "./tenant-work.ts";
import { DAY_MS } from "../../model/duration.ts";

/** The window in which violations count towards another tier; longer would read more than anybody looks at. */
const MAX_RANGE_MS = 31 * DAY_MS;

const percentiles = z.strictObject({
  p50: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
});
const latency = z
  .strictObject({
    from: instant,
    to: instant,
    promisedMs: z.literal(PROMISED_LATENCY_MS),
    alertCount: z.int(),
    notifiedCount: z.int(),
    violationCount: z.int().meta({ description: "Alerts whose total is over the promise" }),
    stages: z.record(z.enum(LATENCY_STAGES), percentiles).meta({ description: "Milliseconds" }),
  })
  .meta({ id: "AlertLatency" });

export function alertLatencyEndpoints({ catalog, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/alerts/latency",
      summary: "How fast alerts were",
      description:
        "Of the alerts raised in a range of event time, by default the last 24 hours: from the receipt of the reading " +
        "to the first receiver's 2xx, and the stages between.",
      permission: "alert:read",
      tenancy: "named",
      query: z.strictObject({ from: instant.optional(), to: instant.optional() }),
      answers: { 200: jsonAnswer("Counts and percentiles", z.strictObject({ latency })) },
      async handle({ tenant, query }) {
        const toMs = query.to === undefined ? nowMs() : Date.parse(query.to);
        const fromMs = query.from === undefined ? toMs - DAY_MS : Date.parse(query.from);
        if (fromMs >= toMs || toMs - fromMs > MAX_RANGE_MS)
          throw new MillwrightError("request-invalid", "The range must be positive and at most 31 days.", {
            fields: [{ pointer: "/from", message: "must lie before `to`, at most 31 days" }],
          });
        const summary = await inKnownTenant(catalog, tenant, (tx) =>
          latencySummary(tx, tenant, { fromMs, toMs }),
        );
        const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
        const body = { latency: { ...range, promisedMs: PROMISED_LATENCY_MS, ...summary } };
        return { status: 200, body };
      },
    }),
  ];
}
