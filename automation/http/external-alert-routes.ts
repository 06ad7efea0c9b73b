import * as z from "zod";
import { getAlert } from "../../data/catalog/alert.ts";
import { EXTERNAL_OUTCOMES, EXTERNAL_REASONS, takeExternalAlert } from "../../data/catalog/external-alert.ts";
import { EARLIEST_TIME_MS, MAX_CLOCK_LEAD_MS } from "../../model/decode-reading.ts";
import { MillwrightError } from "../../model/errors.ts";
import { externalAlertBody } from "../../model/external-alert.ts";
import { alert } from "./alert-routes.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { RateLimiter, type Rate } from "../entrance/rate-limit.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant } from "./tenant-work.ts";

/** Of one tenant. A shift's alarms at once fit; a loop that no mark and no id gives away stays slow. */
const RATE: Rate = { burst: 200, perSecond: 5 };

const taken = z.strictObject({
  outcome: z.enum(EXTERNAL_OUTCOMES),
  reason: z.enum(EXTERNAL_REASONS).nullable().meta({ description: "Why nothing changed" }),
  alert: alert.nullable(),
});

export function externalAlertEndpoints({ catalog, nowMs }: ApiServices): Endpoint[] {
  const limiter = new RateLimiter(RATE, nowMs);
  return [
    endpoint({
      method: "post",
      path: "/v1/alerts/events",
      summary: "Tell of an alert of another system",
      description:
        "A raise makes an alert of the tenant, a return of the same source, machine and external id ends it; each counts once, " +
        "however often it is sent. A condition (source, name, machine) that stands is not raised again. What came from " +
        "here is ignored with a 200, so that nobody sends it again.",
      permission: "alert:report",
      tenancy: "named",
      body: externalAlertBody,
      answers: {
        200: jsonAnswer("Taken, known already, or ignored", taken),
        201: jsonAnswer("A new alert", taken),
      },
      async handle({ caller, tenant, body }) {
        const { machineId } = caller;
        if (machineId !== undefined && body.machineId !== machineId)
          throw new MillwrightError("forbidden", `This key may tell of alerts of ${machineId} only.`);
        const receivedAtMs = nowMs();
        const waitSeconds = limiter.take(tenant);
        if (waitSeconds > 0)
          throw new MillwrightError("too-many-requests", `Too many alerts; try again in ${waitSeconds} s.`, {
            retryable: true,
          });
        const atMs = Date.parse(body.time);
        if (atMs < EARLIEST_TIME_MS || atMs > receivedAtMs + MAX_CLOCK_LEAD_MS)
          throw new MillwrightError("request-invalid", "The time is no time of an alert.", {
            fields: [{ pointer: "/time", message: "must lie between 2000-01-01 and 10 minutes from now" }],
          });
        return inKnownTenant(catalog, tenant, async (tx) => {
          const { outcome, reason, alertId } = await takeExternalAlert(tx, tenant, body, receivedAtMs);
          const shown = alertId === null ? null : await getAlert(tx, tenant, alertId);
          return { status: outcome === "raised" ? 201 : 200, body: { outcome, reason, alert: shown } };
        });
      },
    }),
  ];
}
