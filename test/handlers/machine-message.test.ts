import { expect } from "chai";
import { understand } from "../../automation/mqtt/message.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { TenantRows } from "../../data/cell/reading-rows.ts";
import { decodeValue, readingBytes } from "../../handlers/decode-value.ts";
import { RunDecoder } from "../../handlers/ingest/decode.ts";
import { tenantId } from "../../model/tenant.ts";
import { ownerHeaders, SHARED_READINGS } from "../../model/topic-name.ts";
import { APPENDED_AT_MS, logRecord } from "../support/log-records.ts";

const ACME = tenantId.parse("acme");
const TOPIC = "sensors/m-001/telemetry";
const ts = "2026-11-21T09:59:00.000Z";
const values = { power_watts: 1500.5, state: "running" };
const flat = { type: "machine", timestamp: Date.parse(ts) / 1_000, ...values };

/** A message as the rule of IoT Core puts it into the log (components/aws/tenant-machines.ts). */
function messageRecord(
  payload: string | Buffer,
  mqttTopic = TOPIC,
  facts: Partial<LogRecord> = {},
): LogRecord {
  const value = Buffer.from(JSON.stringify({ payload: Buffer.from(payload).toString("base64") }));
  const headers = { "mqtt-topic": mqttTopic, "produced-at": String(APPENDED_AT_MS), source: "live" };
  return logRecord(ACME, 0, 7, value, { ...facts, headers: { ...headers, ...facts.headers } });
}
const json = (value: unknown) => JSON.stringify(value);

/** What the same message becomes by the platform's own MQTT entrance. */
function byOwnEntrance(payload: string | Buffer, topic: string) {
  const publish = { cmd: "publish", qos: 1, dup: false, retain: false, topic } as const;
  const sender = { credentialId: "key", tenant: ACME, machineId: undefined };
  const message = understand({ ...publish, payload: Buffer.from(payload) }, sender, APPENDED_AT_MS);
  const target = { topic: "acme.readings.g1", partitions: 1, headers: {}, keyPrefix: "", generation: 1 };
  const decoded = message
    .recordsFor(target)
    .map(({ value, headers }) => decodeValue(logRecord(ACME, 0, 7, value, { headers }), undefined));
  return {
    readings: decoded.flatMap(({ readings }) => readings),
    refused: decoded.flatMap(({ refused }) => refused.map(({ reason, raw }) => [reason, raw.toString()])),
  };
}

describe("a machine's message that IoT Core wrote into the log", () => {
  for (const [what, payload, topic = TOPIC] of [
    ["a reading of the API", json({ type: "machine", machineId: "m-001", ts, values })],
    ["a flat reading", json(flat)],
    ["an array", json([flat, { ...flat, timestamp: flat.timestamp - 60 }])],
    ["an envelope with a batch id", json({ readings: [flat], batchId: "b-1" })],
    ["a scan", json({ timestamp: ts, job_id: "j-1", location_id: "l-1" }), "events/m-001/scan"],
    ["one that is half refused", json([flat, { ...flat, nonsense: 1 }])],
    ["another machine's name", json({ ...flat, machineId: "m-002" })],
    ["another tenant's name", json({ ...flat, tenant_id: "globex" })],
    ["no JSON", "{"],
    ["no UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["nothing", ""],
    ["a topic of nobody's", json(flat), "sensors/m-001/commands"],
  ] as const) {
    it(`is what the platform's own entrance makes of it: ${what}`, () => {
      const { readings, refused } = decodeValue(messageRecord(payload, topic), undefined);
      const own = byOwnEntrance(payload, topic);
      expect(readings).to.deep.equal(own.readings);
      expect(refused.map(({ reason, raw }) => [reason, raw.toString()])).to.deep.equal(own.refused);
      expect(readings.length + refused.length).to.be.above(0);
    });
  }

  it("is of the tenant of its topic, or of the one that a shared topic's header names", () => {
    const named = json({ ...flat, tenant_id: "globex" });
    const shared = { topic: SHARED_READINGS.topic, headers: ownerHeaders(tenantId.parse("globex"), 2) };
    expect(decodeValue(messageRecord(named, TOPIC, shared), undefined).readings).to.have.length(1);
    expect(decodeValue(messageRecord(named), undefined).refused[0]?.reason).to.equal("identity-mismatch");
  });

  it("is known again by its batch id, which is the machine's own", () => {
    const decode = (record: LogRecord) =>
      new RunDecoder({ tenant: ACME, generation: 1 }, new TenantRows(), undefined).decode(record).batch;
    const payload = json({ readings: [flat], batchId: "b-1" });
    const batch = decode(messageRecord(payload));
    expect(batch).to.include({ id: "m-001|b-1", part: 0 });
    expect(decode(messageRecord(payload))).to.deep.equal(batch);
    expect(decode(messageRecord(`${payload} `))?.contentHash).not.to.equal(batch?.contentHash);
    expect(decode(messageRecord(json(flat)))).to.equal(undefined);
  });

  it("gives back the bytes of one reading that the database refuses", () => {
    const bytes = readingBytes(messageRecord(json([flat, { ...flat, power_watts: 7 }])), 1);
    expect(JSON.parse(bytes.toString())).to.deep.include({ machineId: "m-001", ts, type: "machine" });
    expect(decodeValue(logRecord(ACME, 0, 0, bytes), undefined).readings[0]?.reading.values).to.deep.include({
      power_watts: 7,
    });
  });

  it("is a dead letter where IoT Core wrote something else", () => {
    for (const value of ["", "null", "[]", '{"payload":7}', "\u0000"]) {
      const headers = { "mqtt-topic": TOPIC };
      const { refused } = decodeValue(logRecord(ACME, 0, 0, Buffer.from(value), { headers }), undefined);
      expect(refused.map(({ reason }) => reason)).to.deep.equal(["record-undecodable"]);
    }
  });
});
