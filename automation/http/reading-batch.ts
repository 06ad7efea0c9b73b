import { createHash } from "node:crypto";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { refusalOfMachine, type MachineHistory } from "../../model/machine-history.ts";
import type { PlacedReading } from "../../model/partition.ts";
import { decodeReading, isRefusal, type ReadingRefusal } from "../../model/decode-reading.ts";
import { batchId, type WireReading } from "../../model/reading.ts";
import { decodeUtf8, parseJson } from "../entrance/json.ts";
import type { RawBody } from "./body.ts";
import { parseRequest } from "./parse.ts";

export const MAX_BATCH_BYTES = 8 * 1024 * 1024;
export const MAX_BATCH_READINGS = 10_000;

/** Only the frame: each reading is judged alone, so one bad reading never costs the others. */
const frame = z.strictObject({ readings: z.array(z.unknown()), batchId: batchId.optional() });

/** A body of `POST /v1/data`, its readings still unchecked. */
export interface ReadingBatch {
  readonly readings: readonly unknown[];
  readonly batchId: string | undefined;
  /** Of the body as inflated: the same content is the same batch, however it was packed. */
  readonly contentHash: string;
}

interface RefusedReading extends ReadingRefusal {
  /** Place in the body, from 0. */
  readonly index: number;
}

/** @throws MillwrightError `body-unreadable`, `request-invalid`, `body-too-large` when there are too many readings */
export function readBatch({ bytes, mediaType }: RawBody): ReadingBatch {
  const contentHash = createHash("sha256").update(bytes).digest("hex");
  const { readings, batchId } =
    mediaType === "application/json"
      ? parseRequest(frame, parseJson(bytes), "body")
      : { readings: jsonLines(bytes), batchId: undefined };
  if (readings.length > MAX_BATCH_READINGS) {
    const message = `The body has ${readings.length} readings; send at most ${MAX_BATCH_READINGS} at once.`;
    throw new MillwrightError("body-too-large", message);
  }
  return { readings, batchId, contentHash };
}

/** A line that is no JSON becomes undefined, which no reading is: the lines around it stand for themselves. */
function jsonLines(bytes: Buffer): unknown[] {
  return decodeUtf8(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return undefined;
      }
    });
}

/**
 * Judges each reading by itself. Readings of the right form keep their order; see {@link PlacedReading}. One of an
 * unknown machine is rejected and sent all the same: it is kept, and can be replayed when the machine is registered.
 * @param machines - undefined: those of every machine are taken
 */
export function judgeReadings(
  readings: readonly unknown[],
  nowMs: number,
  machines: MachineHistory | undefined,
) {
  const placed: PlacedReading[] = [];
  const rejected: RefusedReading[] = [];
  for (const [index, raw] of readings.entries()) {
    const decoded = decodeReading(raw, nowMs);
    const isAccepted = !isRefusal(decoded);
    if (!isAccepted) rejected.push({ index, ...decoded });
    if (isAccepted && machines !== undefined) {
      const refusal = refusalOfMachine(machines, decoded.machineId, nowMs);
      if (refusal !== undefined) rejected.push({ index, ...refusal });
    }
    if (isAccepted || decoded.code === "time-out-of-range")
      placed.push({ reading: raw as WireReading, isAccepted });
  }
  return { placed, rejected };
}
