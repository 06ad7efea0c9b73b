import { createHash } from "node:crypto";
import type { DeadLetter, DeadLetterReason } from "../../data/cell/dead-letter.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { packLogRef } from "../../model/log-ref.ts";
import { decodeReading, isRefusal, type Reading, type ReadingType } from "../../model/reading.ts";
import { refusalIn } from "../../model/refused-record.ts";
import type { TenantId } from "../../model/tenant.ts";
import { parseTopicName } from "../../model/topic-name.ts";

/** A part of a client's batch, from the record's headers. */
export interface BatchPart {
  readonly id: string;
  readonly part: number;
  readonly contentHash: string;
}

/** One reading and its place in the record. */
export interface PlacedReading {
  readonly ordinal: number;
  readonly reading: Reading;
}

/** That a machine reported within an hour. The side tables ask no more of a reading, and a record holds few of these. */
export interface Presence {
  readonly type: ReadingType;
  readonly machineId: string;
  readonly siteId: string | undefined;
  /** Start of the hour of the readings, milliseconds since the epoch. */
  readonly hourMs: number;
}

/** A record of the log, understood as far as it can be. */
export interface DecodedRecord {
  readonly tenant: TenantId;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly logRef: bigint;
  readonly appendedAtMs: number;
  readonly byteCount: number;
  readonly raw: Buffer;
  readonly batch: BatchPart | undefined;
  readonly readings: readonly PlacedReading[];
  readonly presences: readonly Presence[];
  readonly deadLetters: readonly DeadLetter[];
}

/** The API writes 1,000 at most; ten times that is somebody who produces past the API. */
const MAX_READINGS_PER_RECORD = 10_000;
const HOUR_MS = 3_600_000;

/**
 * Decodes with the record's append time and nothing else that changes, so that every reader of the log decodes alike.
 * @returns undefined when the topic is none of ours
 */
export function decodeRecord(record: LogRecord): DecodedRecord | undefined {
  const name = parseTopicName(record.topic);
  if (name === undefined) return undefined;
  const { topic, partition, offset, appendedAtMs, value: raw, headers } = record;
  const logRef = packLogRef({ generation: name.generation, partition, offset });
  const origin = { tenant: name.tenant, topic, partition, offset, logRef, appendedAtMs, raw };
  const readings: PlacedReading[] = [];
  const deadLetters: DeadLetter[] = [];
  const refuse = (reason: DeadLetterReason, message: string, ordinal?: number, part = raw) =>
    deadLetters.push({ ...origin, ordinal, reason, message, raw: part });

  const refusal = refusalIn(headers);
  const elements = refusal === undefined ? parseArray(raw) : undefined;
  if (refusal !== undefined) {
    refuse(refusal.reason, refusal.message);
  } else if (elements === undefined) {
    refuse("record-undecodable", "the record's value is not a JSON array");
  } else if (elements.length > MAX_READINGS_PER_RECORD) {
    refuse(
      "record-too-large",
      `${elements.length} readings; at most ${MAX_READINGS_PER_RECORD} fit a record`,
    );
  } else {
    for (const [ordinal, element] of elements.entries()) {
      const decoded = decodeReading(element, appendedAtMs);
      if (isRefusal(decoded))
        refuse(decoded.code, decoded.message, ordinal, Buffer.from(JSON.stringify(element)));
      else readings.push({ ordinal, reading: decoded });
    }
  }
  return {
    ...origin,
    byteCount: raw.length,
    batch: batchPart(headers, raw),
    readings,
    presences: presencesOf(readings),
    deadLetters,
  };
}

function presencesOf(readings: readonly PlacedReading[]): readonly Presence[] {
  const presences = new Map<string, Presence>();
  for (const { reading } of readings) {
    const { type, machineId, siteId, timeMs } = reading;
    const hour = Math.floor(timeMs / HOUR_MS);
    const key = `${type} ${machineId} ${siteId ?? ""} ${hour}`;
    if (!presences.has(key)) presences.set(key, { type, machineId, siteId, hourMs: hour * HOUR_MS });
  }
  return [...presences.values()];
}

function parseArray(value: Buffer): readonly unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(value.toString());
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Headers that do not describe a part are no batch: the readings are worth more than their deduplication. A producer of
 * the customer's own may give a batch id alone: then the record is the whole batch, and its value tells bodies apart.
 * One that numbers parts knows the hash of the whole; without it the parts of two bodies cannot be told apart.
 */
function batchPart(headers: LogRecord["headers"], value: Buffer): BatchPart | undefined {
  const { "batch-id": id, part = "0" } = headers;
  // visible ASCII only: the database refuses U+0000 in a text, and would refuse the whole commit with it
  if (id === undefined || !/^[\x21-\x7e]{1,300}$/.test(id) || !/^\d{1,9}$/.test(part)) return undefined;
  const hashOfValue = () => createHash("sha256").update(value).digest("hex");
  const contentHash = headers["content-hash"] ?? (headers["part"] === undefined ? hashOfValue() : "");
  if (!/^[\x21-\x7e]{0,200}$/.test(contentHash)) return undefined;
  return { id, part: Number(part), contentHash };
}
