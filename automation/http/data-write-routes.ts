import { z } from "zod";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { recordsOf } from "../../model/partition.ts";
import { wireReading } from "../../model/reading.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { batchId, judgeReadings, MAX_BATCH_BYTES, MAX_BATCH_READINGS, readBatch } from "./reading-batch.ts";
import type { ApiServices } from "./services.ts";
import { TenantTopics } from "./tenant-topics.ts";

const batch = z
  .strictObject({ readings: z.array(wireReading).max(MAX_BATCH_READINGS), batchId: batchId.optional() })
  .meta({ id: "ReadingBatch" });
const lines = z.string().meta({ description: "One reading a line" });

const taken = z.strictObject({
  accepted: z.int(),
  rejected: z.array(
    z.strictObject({
      index: z.int().meta({ description: "Place in the body, from 0" }),
      code: z.enum(["reading-invalid", "time-out-of-range"]),
      message: z.string(),
    }),
  ),
});

export function writeEndpoints({ catalog, log, nowMs }: ApiServices): Endpoint[] {
  const topics = new TenantTopics(catalog, nowMs);
  return [
    endpoint({
      method: "post",
      path: "/v1/data",
      summary: "Send readings",
      description:
        "Answers once the log has the accepted readings; they can be read within 2 s. A batch id that is sent again " +
        "within 24 h with the same body adds nothing. Imports are stored and never alert.",
      permission: "data:write",
      tenancy: "named",
      query: z.strictObject({ source: z.enum(["live", "import"]).default("live") }),
      headers: z.object({ "batch-id": batchId.optional() }),
      rawBody: {
        maxBytes: MAX_BATCH_BYTES,
        content: { "application/json": batch, "application/x-ndjson": lines, "application/ndjson": lines },
      },
      answers: { 202: jsonAnswer("What was taken", taken) },
      async handle({ tenant, query: { source }, headers, body }) {
        if (body === undefined) throw new MillwrightError("body-unreadable", "The body is empty.");
        const producedAtMs = nowMs();
        const { readings, batchId: idInBody, contentHash } = readBatch(body);
        const { topic, partitions } = await topics.topicOf(tenant);
        const { placed, rejected } = judgeReadings(readings, producedAtMs);
        const id = idInBody ?? headers["batch-id"];
        const batchHeaders = id === undefined ? {} : { "batch-id": id, "content-hash": contentHash };
        const records = recordsOf(placed, {
          topic,
          partitions,
          headers: { "produced-at": String(producedAtMs), source, ...batchHeaders },
        });
        if (records.length > 0) await append(records);
        return { status: 202, body: { accepted: readings.length - rejected.length, rejected } };

        async function append(all: typeof records): Promise<void> {
          try {
            await log.append(all);
          } catch (error) {
            topics.forget(tenant);
            if (!hasCode(error, "topic-unknown")) throw error;
            // Dropped since the topic was looked up: the tenant is being deleted.
            throw new MillwrightError("tenant-not-ready", "The tenant is being deleted.", { cause: error });
          }
        }
      },
    }),
  ];
}
