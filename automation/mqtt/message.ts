import { createHash } from "node:crypto";
import type { IPublishPacket } from "mqtt-packet";
import type { NewRecord } from "../../data/event-log/event-log.ts";
import { parseDeviceTopic, readDeviceMessage, type DeviceMessage } from "../../model/device-message.ts";
import { MillwrightError } from "../../model/errors.ts";
import { refusalOfMachine, type MachineHistory } from "../../model/machine-history.ts";
import { partitionOf, recordsOf } from "../../model/partition.ts";
import { batchId } from "../../model/reading.ts";
import { refusalHeaders, type Refusal } from "../../model/refused-record.ts";
import type { TenantId } from "../../model/tenant.ts";
import { recordHeaders } from "../entrance/intake.ts";
import { parseJson } from "../entrance/json.ts";
import type { ReadingsTopic } from "../entrance/tenant-topics.ts";

/** Whom a connection speaks for. */
export interface Sender {
  readonly credentialId: string;
  readonly tenant: TenantId;
  /** undefined: any machine of the tenant */
  readonly machineId: string | undefined;
}

/** A PUBLISH understood as far as it can be. */
export interface UnderstoodMessage {
  /** undefined: the topic names none */
  readonly machineId: string | undefined;
  readonly readingCount: number;
  /** Of the message, or of some readings of it. It is kept all the same, as a record that becomes a dead letter. */
  readonly refusal: Refusal | undefined;
  readonly recordsFor: (topic: ReadingsTopic) => readonly NewRecord[];
}

/** @param producedAtMs - when it came */
export function understand(publish: IPublishPacket, sender: Sender, producedAtMs: number): UnderstoodMessage {
  const payload = Buffer.from(publish.payload as Buffer); // a copy: the original shares memory with its neighbours
  const device = parseDeviceTopic(publish.topic);
  const { readings, batchId: idInPayload, refusal } = read(publish, payload, sender, producedAtMs);
  const givenId = publish.properties?.userProperties?.["batch-id"];
  const id = batchId.safeParse(givenId ?? idInPayload).data;
  const contentHash = () => createHash("sha256").update(payload).digest("hex");
  const batch = id === undefined ? undefined : { id, contentHash: contentHash() };
  // In the name of the key's own machine, where it has one: a topic alone can be anybody's.
  const headers = recordHeaders(producedAtMs, "live", batch, sender.machineId ?? device?.machineId);
  return {
    machineId: device?.machineId,
    readingCount: readings.length,
    refusal,
    recordsFor({ topic, partitions, keyPrefix }) {
      const placed = readings.map((reading) => ({ reading, isAccepted: true }));
      const records = recordsOf(placed, { topic, partitions, keyPrefix, headers });
      if (refusal === undefined) return records;
      const part = String(records.length);
      const refused = {
        ...{ topic, partition: partitionOf(keyPrefix + (device?.machineId ?? ""), partitions) },
        ...{ headers: { ...headers, ...refusalHeaders(refusal), part }, value: payload },
      };
      return [...records, refused];
    },
  };
}

/** The message as its sender is to hear of it. The log has its readings all the same, for consumers to refuse and keep. */
export function judged(
  message: UnderstoodMessage,
  machines: MachineHistory | undefined,
  nowMs: number,
): UnderstoodMessage {
  const { machineId, readingCount } = message;
  if (machines === undefined || machineId === undefined || readingCount === 0) return message;
  const refused = refusalOfMachine(machines, machineId, nowMs);
  if (refused === undefined) return message;
  return { ...message, readingCount: 0, refusal: { reason: refused.code, message: refused.message } };
}

function read(publish: IPublishPacket, payload: Buffer, sender: Sender, nowMs: number): DeviceMessage {
  const refused = (reason: Refusal["reason"], message: string): DeviceMessage => ({
    ...{ readings: [], batchId: undefined, refusal: { reason, message } },
  });
  const topic = parseDeviceTopic(publish.topic);
  if (topic === undefined) {
    const message = `'${publish.topic.slice(0, 200)}' is neither sensors/DEVICE/telemetry nor events/READER/scan`;
    return refused("topic-invalid", message);
  }
  if (sender.machineId !== undefined && sender.machineId !== topic.machineId)
    return refused("machine-forbidden", `the key is of ${sender.machineId}, the topic of ${topic.machineId}`);
  const givenId = publish.properties?.userProperties?.["batch-id"];
  if (givenId !== undefined && !batchId.safeParse(givenId).success)
    return refused("reading-invalid", "batch-id: 1-128 printable ASCII characters, given once");
  try {
    return readDeviceMessage(parseJson(payload), { topic, tenant: sender.tenant, nowMs });
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    return refused("record-undecodable", error.message);
  }
}
