import * as z from "zod";
import { listUsage } from "../../data/catalog/usage.ts";
import { MillwrightError } from "../../model/errors.ts";
import { MAX_USAGE_RANGE_MS, startOf, USAGE_PERIOD_MS, USAGE_PERIODS } from "../../model/usage.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant } from "./tenant-work.ts";
import { DAY_MS } from "../../model/duration.ts";

const count = z.number().min(0);

const bucket = z
  .strictObject({
    from: instant,
    rowCount: count,
    byteCount: count.meta({ description: "Bytes of records as they lie in the log" }),
    queryCount: count.meta({ description: "Asked through the API" }),
    queryMs: count.meta({ description: "How long the database was busy with them" }),
    directQueryCount: count
      .nullable()
      .meta({ description: "Asked by the tenant's own logins; null: the database keeps no such statistics" }),
    directQueryMs: count.nullable(),
    violationCount: count.meta({ description: "Alerts that took longer than the promise" }),
    storageBytes: count
      .nullable()
      .meta({ description: "Tables and indexes at their largest; measured every 10 minutes" }),
  })
  .meta({ id: "Usage" });

export function usageEndpoints({ catalog, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/usage",
      summary: "What a tenant used",
      description:
        "Per minute (a day at most, kept for 35 days), hour (60 days) or day of UTC (400 days; both kept for 13 months); " +
        "by default the last 24 hours. Buckets without usage are left out; the newest ones still grow.",
      permission: "usage:read",
      tenancy: "named",
      query: z.strictObject({
        from: instant.optional(),
        to: instant.optional(),
        per: z.enum(USAGE_PERIODS).default("hour"),
      }),
      answers: {
        200: jsonAnswer(
          "Buckets of time, oldest first",
          z.strictObject({ per: z.enum(USAGE_PERIODS), from: instant, to: instant, usage: z.array(bucket) }),
        ),
      },
      async handle({ tenant, query: { from, to, per } }) {
        const lengthMs = USAGE_PERIOD_MS[per];
        const endMs = to === undefined ? nowMs() : Date.parse(to);
        // Whole buckets: the one in which the range begins, and the one in which it ends.
        const toMs = startOf(per, endMs - 1) + lengthMs;
        const fromMs = startOf(per, from === undefined ? endMs - DAY_MS : Date.parse(from));
        // One bucket more: a range that lies across their borders touches one more than it is long.
        if (fromMs >= toMs || toMs - fromMs > MAX_USAGE_RANGE_MS[per] + lengthMs)
          throw new MillwrightError("request-invalid", `The range is empty, or too long per ${per}.`, {
            fields: [
              {
                pointer: "/from",
                message: `before \`to\`, at most ${MAX_USAGE_RANGE_MS[per] / DAY_MS} d`,
              },
            ],
          });
        const usage = await inKnownTenant(catalog, tenant, (tx) =>
          listUsage(tx, tenant, per, { fromMs, toMs }),
        );
        const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
        return { status: 200, body: { per, ...range, usage } };
      },
    }),
  ];
}
