import * as z from "zod";
import type { Refusal } from "./refused-record.ts";
import { decodeReading, isRefusal } from "./decode-reading.ts";
import { batchId, externalId, type WireReading } from "./reading.ts";

/** What a topic says of its sender: `sensors/DEVICE/telemetry` and `events/READER/scan` (seed 004). */
export interface DeviceTopic {
  readonly kind: "telemetry" | "scan";
  readonly machineId: string;
}

/** undefined: no topic of ours */
export function parseDeviceTopic(topic: string): DeviceTopic | undefined {
  const [, sensor, reader] = /^(?:sensors\/([^/]+)\/telemetry|events\/([^/]+)\/scan)$/.exec(topic) ?? [];
  const machineId = externalId.safeParse(sensor ?? reader);
  return machineId.success
    ? { kind: sensor === undefined ? "scan" : "telemetry", machineId: machineId.data }
    : undefined;
}

/** A message taken apart: what can be stored, and why something of it (or all) cannot. */
export interface DeviceMessage {
  readonly readings: readonly WireReading[];
  readonly batchId: string | undefined;
  readonly refusal: Refusal | undefined;
}

export interface MessageOrigin {
  readonly topic: DeviceTopic;
  readonly tenant: string;
  readonly nowMs: number;
}

export const MAX_READINGS_PER_MESSAGE = 1_000;

const envelope = z.strictObject({ readings: z.array(z.unknown()), batchId: z.unknown().optional() });

/**
 * Reads a payload: one reading, an array of them, or `{"readings":[…],"batchId":"…"}`. A reading is written as in
 * `POST /v1/data`, or flat with its values beside its names, as devices of seed 004 do. Device and tenant come from the
 * topic and the credential; a payload may repeat them, and one that names others is refused as a whole.
 */
export function readDeviceMessage(payload: unknown, origin: MessageOrigin): DeviceMessage {
  const refused = (reason: Refusal["reason"], message: string): DeviceMessage => ({
    ...{ readings: [], batchId: undefined, refusal: { reason, message } },
  });
  const opened = open(payload);
  if (opened === undefined)
    return refused(
      "reading-invalid",
      "a message is a reading, an array of readings, or readings and batchId",
    );
  const id = batchId.optional().safeParse(opened.batchId);
  if (!id.success) return refused("reading-invalid", `batchId: ${id.error.issues[0]?.message ?? "invalid"}`);
  const { elements } = opened;
  if (elements.length === 0) return refused("reading-invalid", "the message has no reading");
  if (elements.length > MAX_READINGS_PER_MESSAGE) {
    const message = `${elements.length} readings; a message holds at most ${MAX_READINGS_PER_MESSAGE}`;
    return refused("record-too-large", message);
  }
  const foreign = elements.map((element) => foreignName(element, origin)).find((name) => name !== undefined);
  if (foreign !== undefined) return refused("identity-mismatch", foreign);

  const readings: WireReading[] = [];
  const refusals: Refusal[] = [];
  for (const [index, element] of elements.entries()) {
    const wire = wireOf(element, origin.topic);
    const decoded = decodeReading(wire, origin.nowMs);
    if (!isRefusal(decoded)) readings.push(wire as WireReading);
    else refusals.push({ reason: decoded.code, message: `reading ${index}: ${decoded.message}` });
  }
  const [first] = refusals;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : "";
  return {
    readings,
    batchId: id.data,
    refusal: first && { reason: first.reason, message: `${first.message}${more}` },
  };
}

function open(payload: unknown) {
  if (Array.isArray(payload)) return { elements: payload as readonly unknown[], batchId: undefined };
  if (!isObject(payload)) return undefined;
  if ("readings" in payload) {
    const parsed = envelope.safeParse(payload);
    return parsed.success ? { elements: parsed.data.readings, batchId: parsed.data.batchId } : undefined;
  }
  const { batchId: id, ...reading } = payload;
  return { elements: [reading], batchId: id };
}

const MACHINE_NAMES = [
  ...["machineId", "machine_id", "device_id", "sensor_id"],
  ...["monitor_id", "scanner_id", "reader_id"],
];
const TENANT_NAMES = ["tenant", "tenantId", "tenant_id"];
/** What devices of seed 004 send along and the platform works out itself. */
const DERIVED_NAMES = ["duration_seconds", "aqi_score", "cost_estimate"];
const OWN_NAMES = new Set([...MACHINE_NAMES, ...TENANT_NAMES, ...DERIVED_NAMES]);

/** What of a reading speaks of somebody else. */
function foreignName(element: unknown, { topic, tenant }: MessageOrigin): string | undefined {
  if (!isObject(element)) return undefined;
  const machine = MACHINE_NAMES.find((name) => name in element && element[name] !== topic.machineId);
  if (machine !== undefined) return `${machine} is not the ${topic.machineId} of the topic`;
  const foreign = TENANT_NAMES.find((name) => name in element && element[name] !== tenant);
  return foreign && `${foreign} is not the tenant of the key`;
}

/** The reading as `POST /v1/data` takes it; still unchecked. */
function wireOf(element: unknown, { kind, machineId }: DeviceTopic): unknown {
  if (!isObject(element)) return element;
  const { type = kind === "scan" ? "scan" : undefined, ts, timestamp, siteId, site_id, ...rest } = element;
  const names = {
    ...{ type: canonicalType(type, kind), machineId, ts: timeOf(ts ?? timestamp) },
    ...((siteId ?? site_id) !== undefined && { siteId: siteId ?? site_id }),
  };
  const others = Object.fromEntries(Object.entries(rest).filter(([name]) => !OWN_NAMES.has(name)));
  return "values" in others ? { ...others, ...names } : { ...names, values: others };
}

function canonicalType(type: unknown, kind: DeviceTopic["kind"]): unknown {
  if ((type === "scan") !== (kind === "scan")) return undefined; // a reader's topic is for scans, and theirs alone
  return type === "airquality" || type === "air_quality" ? "air-quality" : type;
}

/** Seconds since the epoch, as devices of seed 004 write them, in the form of the API. */
function timeOf(time: unknown): unknown {
  if (typeof time !== "number") return time;
  const date = new Date(Math.round(time * 1_000));
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
