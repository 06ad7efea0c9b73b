import * as z from "zod";
import { MAX_LIMIT, type ReadingsPage } from "../../handlers/query/process.ts";
import type { PlacelessRequest } from "../../handlers/query/query-service.ts";
import { QUALITIES } from "../../model/quality.ts";
import { externalId, READING_TYPES } from "../../model/reading.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { csvFormat, NDJSON, sendRows } from "./row-stream.ts";
import { instant, nextCursor } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { requireTenant } from "./tenant-work.ts";

const row = z
  .looseObject({
    ...{ time: instant, machineId: z.string(), siteId: z.string().optional() },
    quality: z
      .record(z.string(), z.enum(QUALITIES).exclude(["good"]))
      .optional()
      .meta({ description: "Metrics whose value is not good; left out when all are" }),
  })
  .meta({ id: "Row", description: "Flat: the type's values stand beside time, machineId and siteId" });

export function readEndpoints({ catalog, readings, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/data/:type",
      summary: "Read readings, by time",
      description:
        "JSON answers a page, of 1,000 rows unless `limit` says otherwise. CSV and NDJSON (by Accept) stream every row " +
        "that matches, or `limit` of them; NDJSON names the values that are not good as JSON does, CSV has no place for it.",
      permission: "data:read",
      tenancy: "named",
      params: z.strictObject({ type: z.enum(READING_TYPES) }),
      query: z.strictObject({
        machineId: externalId.optional(),
        siteId: externalId.optional(),
        from: instant.optional(),
        to: instant.optional(),
        resolution: z.enum(["raw", "1m", "1h", "1d"]).default("raw"),
        limit: z.coerce.number().int().min(1).max(MAX_LIMIT).optional(),
        cursor: z.string().min(1).max(200).optional(),
      }),
      answers: {
        200: {
          description: "Rows",
          content: {
            "application/json": z.strictObject({ rows: z.array(row), nextCursor }),
            "text/csv": z.string(),
            "application/x-ndjson": z.string(),
          },
        },
      },
      async handle({ caller, tenant, params: { type }, query: { from, to, ...filters }, keep, preferred }) {
        const request: PlacelessRequest = {
          tenant,
          type,
          ...filters,
          fromMs: millisOf(from),
          toMs: millisOf(to),
        };
        await requireTenant(catalog, caller, tenant);
        const mediaType = preferred([
          "application/json",
          "text/csv",
          "application/x-ndjson",
          "application/ndjson",
        ]);
        if (mediaType !== "application/json") {
          const format = mediaType === "text/csv" ? csvFormat(type) : NDJSON;
          return { stream: (response) => sendRows(response, format, pages(request), keep) };
        }
        const { rows, nextCursor: next = null } = await readings.query(request);
        return { status: 200, body: { rows, nextCursor: next } };
      },
    }),
  ];

  async function* pages(request: PlacelessRequest): AsyncGenerator<ReadingsPage["rows"]> {
    const isBounded = request.limit !== undefined;
    // One end for all pages: a stream that followed the newest rows would never end.
    const toMs = request.toMs ?? nowMs() + 1;
    let cursor = request.cursor;
    do {
      const page = await readings.query({ ...request, toMs, cursor, limit: request.limit ?? MAX_LIMIT });
      yield page.rows;
      cursor = page.nextCursor;
    } while (cursor !== undefined && !isBounded);
  }
}

const millisOf = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
