import { isUtf8 } from "node:buffer";
import type { LogRecord } from "../data/event-log/event-log.ts";
import { decodeReading, isRefusal, type ReadingRefusal } from "../model/decode-reading.ts";
import type { Reading } from "../model/reading.ts";
import { refusalOfMachine, type MachineHistory } from "../model/machine-history.ts";
import { MQTT_TOPIC_HEADER, readMachineRecord } from "../model/machine-record.ts";
import { refusalIn, type RefusedReason } from "../model/refused-record.ts";

/** One reading and its place in the record. */
export interface PlacedReading {
  readonly ordinal: number;
  readonly reading: Reading;
}

/** A record's value, or one reading of it, that can never be stored. */
export interface RefusedPart {
  readonly reason: RefusedReason;
  readonly message: string;
  /** undefined: the whole value */
  readonly ordinal: number | undefined;
  readonly raw: Buffer;
}

export interface DecodedValue {
  readonly readings: readonly PlacedReading[];
  readonly refused: readonly RefusedPart[];
  /** Of a machine's message that names one; the headers of other records do. */
  readonly batch?: { readonly id: string; readonly content: Buffer } | undefined;
}

/** The API writes 1,000 at most; ten times that is somebody who produces past the API. */
const MAX_READINGS_PER_RECORD = 10_000;
const NOTHING: readonly never[] = [];

/**
 * Decodes the value of a record: a JSON array of readings, or one reading by itself, in UTF-8. Ingest and alert both
 * read by this, with the record's append time and nothing else that changes, so every reader of the log decodes alike.
 */
export function decodeValue(record: LogRecord, machines: MachineHistory | undefined): DecodedValue {
  const { value, headers, appendedAtMs } = record;
  const refusal = refusalIn(headers);
  if (refusal !== undefined) return unreadable(refusal.reason, refusal.message, value);
  if (headers[MQTT_TOPIC_HEADER] !== undefined) return decodeMessage(record, machines);
  if (!isUtf8(value)) return unreadable("record-undecodable", "the record's value is not UTF-8", value);
  const parsed = parseJson(value);
  if (typeof parsed !== "object" || parsed === null) {
    const message = "the record's value is neither a JSON array of readings nor one reading";
    return unreadable("record-undecodable", message, value);
  }
  if (!Array.isArray(parsed)) {
    const decoded = decode(parsed, appendedAtMs, machines);
    return isRefusal(decoded)
      ? { readings: NOTHING, refused: [refusedPart(decoded, 0, value)] }
      : { readings: [{ ordinal: 0, reading: decoded }], refused: NOTHING };
  }
  if (parsed.length > MAX_READINGS_PER_RECORD) {
    const message = `${parsed.length} readings; at most ${MAX_READINGS_PER_RECORD} fit a record`;
    return unreadable("record-too-large", message, value);
  }
  const readings: PlacedReading[] = [];
  let refused: RefusedPart[] | undefined;
  for (let ordinal = 0; ordinal < parsed.length; ordinal++) {
    const decoded = decode(parsed[ordinal], appendedAtMs, machines);
    if (isRefusal(decoded))
      (refused ??= []).push(refusedPart(decoded, ordinal, part(value, parsed[ordinal])));
    else readings.push({ ordinal, reading: decoded });
  }
  return { readings, refused: refused ?? NOTHING };
}

/** A machine's message: its readings, and itself where something of it is refused. */
function decodeMessage(record: LogRecord, machines: MachineHistory | undefined): DecodedValue {
  const content = messageIn(record.value);
  if (content === undefined)
    return unreadable("record-undecodable", "the record's value holds no message", record.value);
  const payload = isUtf8(content) ? parseJson(content) : undefined;
  const { readings: wire, batchId, machineId, refusal } = readMachineRecord(record, payload);
  const readings: PlacedReading[] = [];
  const refused: RefusedPart[] = [];
  if (refusal !== undefined)
    refused.push({ reason: refusal.reason, message: refusal.message, ordinal: undefined, raw: content });
  for (const [ordinal, raw] of wire.entries()) {
    const decoded = decode(raw, record.appendedAtMs, machines);
    if (isRefusal(decoded)) refused.push(refusedPart(decoded, ordinal, Buffer.from(JSON.stringify(raw))));
    else readings.push({ ordinal, reading: decoded });
  }
  // A machine's ids are its own: none can use up, or guess, those of another.
  const batch = batchId === undefined ? undefined : { id: `${machineId ?? ""}|${batchId}`, content };
  return { readings, refused, batch };
}

/** IoT Core writes `{"payload":"BASE64"}`: a message byte by byte. */
function messageIn(value: Buffer): Buffer | undefined {
  const envelope = parseJson(value);
  const payload =
    typeof envelope === "object" && envelope !== null && "payload" in envelope && envelope.payload;
  return typeof payload === "string" ? Buffer.from(payload, "base64") : undefined;
}

function decode(
  raw: unknown,
  appendedAtMs: number,
  machines: MachineHistory | undefined,
): Reading | ReadingRefusal {
  const decoded = decodeReading(raw, appendedAtMs);
  if (machines === undefined || isRefusal(decoded)) return decoded;
  return refusalOfMachine(machines, decoded.machineId, appendedAtMs) ?? decoded;
}

/** The bytes of one reading of a record that {@link decodeValue} could read. */
export function readingBytes(record: LogRecord, ordinal: number): Buffer {
  const { value, headers } = record;
  if (headers[MQTT_TOPIC_HEADER] !== undefined) {
    const content = messageIn(value) ?? value;
    return part(content, readMachineRecord(record, parseJson(content)).readings[ordinal]);
  }
  const parsed = parseJson(value);
  return Array.isArray(parsed) ? part(value, parsed[ordinal]) : value;
}

/** undefined for what is no JSON */
function parseJson(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString()) as unknown;
  } catch {
    return undefined;
  }
}

function part(value: Buffer, element: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(element));
  } catch {
    return value; // nested so deep that it can be parsed, but not written
  }
}

function unreadable(reason: RefusedPart["reason"], message: string, raw: Buffer): DecodedValue {
  return { readings: NOTHING, refused: [{ reason, message, ordinal: undefined, raw }] };
}

function refusedPart({ code, message }: ReadingRefusal, ordinal: number, raw: Buffer): RefusedPart {
  return { reason: code, message, ordinal, raw };
}
