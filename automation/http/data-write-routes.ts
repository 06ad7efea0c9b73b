import * as z from "zod";
import { READING_REFUSALS } from "../../model/decode-reading.ts";
import { MillwrightError } from "../../model/errors.ts";
import { recordsOf } from "../../model/partition.ts";
import { batchId, wireReading } from "../../model/reading.ts";
import { Intake, recordHeaders } from "../entrance/intake.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { judgeReadings, MAX_BATCH_BYTES, MAX_BATCH_READINGS, readBatch } from "./reading-batch.ts";
import type { ApiServices } from "./services.ts";

const batch = z
  .strictObject({ readings: z.array(wireReading).max(MAX_BATCH_READINGS), batchId: batchId.optional() })
  .meta({ id: "ReadingBatch" });
const lines = z.string().meta({ description: "One reading a line" });

const taken = z.strictObject({
  accepted: z.int(),
  rejected: z.array(
    z.strictObject({
      index: z.int().meta({ description: "Place in the body, from 0" }),
      code: z.enum(READING_REFUSALS),
      message: z.string(),
    }),
  ),
});

export function writeEndpoints({ catalog, log, nowMs }: ApiServices): Endpoint[] {
  const intake = new Intake(catalog, log, nowMs);
  return [
    endpoint({
      method: "post",
      path: "/v1/data",
      summary: "Send readings",
      description:
        "Answers once the log has the accepted readings; they can be read within 2 s. A batch id that is sent again " +
        "within 24 h with the same body adds nothing. Imports are stored and never alert. Readings of machines that the " +
        "tenant refuses are rejected and kept as dead letters: replay them, do not send them again.",
      permission: "data:write",
      tenancy: "named",
      query: z.strictObject({ source: z.enum(["live", "import"]).default("live") }),
      headers: z.object({ "batch-id": batchId.optional() }),
      rawBody: {
        maxBytes: MAX_BATCH_BYTES,
        content: { "application/json": batch, "application/x-ndjson": lines, "application/ndjson": lines },
      },
      answers: { 202: jsonAnswer("What was taken", taken) },
      async handle({ caller, tenant, query: { source }, headers, body }) {
        if (body === undefined) throw new MillwrightError("body-unreadable", "The body is empty.");
        const producedAtMs = nowMs();
        const { readings, batchId: idInBody, contentHash } = readBatch(body);
        const { placed, rejected } = judgeReadings(readings, producedAtMs, await intake.machinesOf(tenant));
        const { machineId } = caller;
        if (machineId !== undefined && placed.some(({ reading }) => reading.machineId !== machineId))
          throw new MillwrightError("forbidden", `This key may send readings of ${machineId} only.`);
        const id = idInBody ?? headers["batch-id"];
        const batchOfClient = id === undefined ? undefined : { id, contentHash };
        const recordsHeaders = recordHeaders(producedAtMs, source, batchOfClient, machineId);
        await intake.append(tenant, (topic) => recordsOf(placed, { ...topic, headers: recordsHeaders }));
        return { status: 202, body: { accepted: readings.length - rejected.length, rejected } };
      },
    }),
  ];
}
