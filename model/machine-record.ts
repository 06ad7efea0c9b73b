import { parseDeviceTopic, readDeviceMessage, type DeviceMessage } from "./device-message.ts";
import { parseTopicName, tenantTopicOf } from "./topic-name.ts";

/** Names the MQTT topic of a record whose value is a machine's message, as IoT Core wrote it into the log. */
export const MQTT_TOPIC_HEADER = "mqtt-topic";

export interface MachineRecord extends DeviceMessage {
  readonly machineId: string | undefined;
}

interface MessageRecord {
  readonly topic: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly appendedAtMs: number;
}

/**
 * Understands a machine's message where it is read from the log, as the MQTT entrance does where it comes in, with the
 * record's append time for the clock. @param payload - parsed; undefined: no JSON
 */
export function readMachineRecord(record: MessageRecord, payload: unknown): MachineRecord {
  const { headers, appendedAtMs: nowMs } = record;
  const written = headers[MQTT_TOPIC_HEADER] ?? "";
  const topic = parseDeviceTopic(written);
  const tenant = parseTopicName(tenantTopicOf(record) ?? "")?.tenant;
  const refused = (reason: "topic-invalid" | "record-undecodable", message: string): MachineRecord => ({
    ...{ machineId: topic?.machineId, readings: [], batchId: undefined, refusal: { reason, message } },
  });
  if (topic === undefined || tenant === undefined)
    return refused(
      "topic-invalid",
      `'${written.slice(0, 200)}' is neither sensors/DEVICE/telemetry nor events/READER/scan`,
    );
  if (payload === undefined) return refused("record-undecodable", "the message is no JSON");
  return { ...readDeviceMessage(payload, { topic, tenant, nowMs }), machineId: topic.machineId };
}
