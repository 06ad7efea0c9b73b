import { expect } from "chai";
import fc from "fast-check";
import { parseDeviceTopic, readDeviceMessage, type DeviceTopic } from "../../model/device-message.ts";
import { decodeReading, isRefusal } from "../../model/decode-reading.ts";
import { tenantId } from "../../model/tenant.ts";
import { seed } from "../support/seed.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 10);
const TS = "2026-11-21T09:59:00.000Z";
const telemetry: DeviceTopic = { kind: "telemetry", machineId: "d-1" };
const scan: DeviceTopic = { kind: "scan", machineId: "gate-2" };
const read = (payload: unknown, topic = telemetry) =>
  readDeviceMessage(payload, { topic, tenant: tenantId.parse("acme"), nowMs: NOW_MS });

describe("parseDeviceTopic", () => {
  it("knows the two kinds of topic, and the device of each", () => {
    expect(parseDeviceTopic("sensors/d-1/telemetry")).to.deep.equal(telemetry);
    expect(parseDeviceTopic("events/gate-2/scan")).to.deep.equal(scan);
    for (const topic of [
      ...["sensors//telemetry", "sensors/d-1/telemetry/", "/sensors/d-1/telemetry", "sensors/a/b/telemetry"],
      ...["sensors/d 1/telemetry", "sensors/+/telemetry", "events/gate-2/telemetry", "sensors/d-1/scan", ""],
      `sensors/${"d".repeat(129)}/telemetry`,
    ])
      expect(parseDeviceTopic(topic), topic).to.equal(undefined);
  });
});

describe(`readDeviceMessage (seed ${seed})`, () => {
  const wire = {
    type: "machine",
    machineId: "d-1",
    ts: TS,
    values: { state: "running", power_watts: 1500.5 },
  };

  it("reads a reading as the API takes it, with or without the machine that the topic names", () => {
    const { machineId, ...anonymous } = wire;
    expect(machineId).to.equal("d-1");
    for (const payload of [wire, anonymous, [wire], { readings: [anonymous] }])
      expect(read(payload)).to.deep.equal({ readings: [wire], batchId: undefined, refusal: undefined });
  });

  it("reads what devices of the first documents send: flat, in seconds, with their own spelling", () => {
    const flat = {
      ...{
        tenant_id: "acme",
        device_id: "d-1",
        site_id: "site-1",
        type: "airquality",
        timestamp: 1795255140.25,
      },
      ...{ co2_ppm: 612, pm25_ugm3: 8.1, temperature_c: 21.5, humidity_pct: 44, aqi_score: 33.8 },
    };
    expect(read(flat).readings).to.deep.equal([
      {
        ...{ type: "air-quality", machineId: "d-1", siteId: "site-1", ts: "2026-11-21T09:59:00.250Z" },
        values: { co2_ppm: 612, pm25_ugm3: 8.1, temperature_c: 21.5, humidity_pct: 44 },
      },
    ]);
    const offline = { type: "machine", state: "offline", duration_seconds: 901, timestamp: 1795255140 };
    expect(read(offline).readings[0]?.values).to.deep.equal({ state: "offline" });
  });

  it("takes scans on the topic of a reader, and nowhere else", () => {
    const passed = { ts: TS, job_id: "j-7", location_id: "hall-1", scan_type: "rfid", scanner_id: "gate-2" };
    expect(read(passed, scan).readings).to.deep.equal([
      {
        ...{ type: "scan", machineId: "gate-2", ts: TS },
        values: { job_id: "j-7", location_id: "hall-1", scan_type: "rfid" },
      },
    ]);
    expect(read({ ...passed, scanner_id: "d-1", type: "scan" }).refusal?.reason).to.equal("reading-invalid");
    expect(read({ ...wire, machineId: "gate-2" }, scan).refusal?.reason).to.equal("reading-invalid");
  });

  it("finds the batch id of a reading and of an envelope", () => {
    expect(read({ ...wire, batchId: "b-1" })).to.deep.include({ batchId: "b-1", readings: [wire] });
    expect(read({ readings: [wire], batchId: "b-2" })).to.deep.include({ batchId: "b-2", readings: [wire] });
    for (const batchId of ["", "a b", 7, null, "x".repeat(129)])
      expect(read({ ...wire, batchId }).refusal?.message).to.match(/^batchId: /);
  });

  for (const [name, value] of Object.entries({
    machineId: "d-2",
    device_id: 1,
    tenant_id: "globex",
    tenant: null,
  }))
    it(`refuses a whole message in which ${name} is ${String(value)}`, () => {
      const { readings, refusal } = read([wire, { ...wire, [name]: value }]);
      expect([readings, refusal?.reason]).to.deep.equal([[], "identity-mismatch"]);
    });

  it("takes the good readings of a message and says what is wrong with the others", () => {
    const late = { ...wire, ts: "1999-12-31T23:59:59Z" };
    const { readings, refusal } = read([wire, late, { ...wire, values: { power_watts: "much" } }, wire]);
    expect(readings).to.deep.equal([wire, wire]);
    expect(refusal?.reason).to.equal("time-out-of-range");
    expect(refusal?.message).to.match(/^reading 1: ts: .*\(and 1 more\)$/);
  });

  for (const payload of [
    null,
    7,
    "text",
    true,
    [],
    { readings: [] },
    { readings: 7 },
    { readings: [wire], x: 1 },
  ])
    it(`refuses ${JSON.stringify(payload)}`, () => {
      expect(read(payload).refusal?.reason).to.equal("reading-invalid");
    });

  it("refuses more readings than a record may hold", () => {
    expect(read(Array(1_000).fill(wire)).readings).to.have.length(1_000);
    expect(read(Array(1_001).fill(wire)).refusal?.reason).to.equal("record-too-large");
  });

  it("answers for any JSON, and lets only readings of the topic's device through", () => {
    const name = fc.constantFrom(
      "machineId",
      "device_id",
      "type",
      "ts",
      "timestamp",
      "values",
      "readings",
      "x",
    );
    const scalar = fc.oneof(fc.constantFrom("d-1", "d-2", "machine", TS, 1795255140), fc.jsonValue());
    const anyMessage = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(name, scalar),
      fc.array(fc.dictionary(name, scalar)),
    );
    fc.assert(
      fc.property(anyMessage, (payload) => {
        const { readings, refusal } = read(payload);
        if (readings.length === 0) expect(refusal).to.not.equal(undefined);
        for (const reading of readings) {
          expect(reading.machineId).to.equal("d-1");
          expect(isRefusal(decodeReading(reading, NOW_MS))).to.equal(false);
        }
      }),
      { seed },
    );
  });
});
