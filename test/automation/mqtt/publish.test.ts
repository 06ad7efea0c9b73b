import { expect } from "chai";
import type { ErrorWithReasonCode, IClientPublishOptions } from "mqtt";
import { SHARED_READINGS } from "../../../model/topic-name.ts";
import { eventually } from "../../support/eventually.ts";
import { TestEntrance, VERSIONS } from "../../support/mqtt.ts";

const reading = (more: object = {}) => ({
  type: "machine",
  ts: new Date().toISOString(),
  values: { state: "running", power_watts: 1500.5 },
  ...more,
});

describe("the MQTT entrance", () => {
  let entrance: TestEntrance;
  let tenants = 0;
  let tenant = "";
  let key = "";
  before(async () => (entrance = await TestEntrance.start()));
  after(() => entrance.close());
  beforeEach(async () => {
    tenant = `plant-${++tenants}`;
    await entrance.tenant(tenant);
    key = await entrance.api.key("machine", tenant);
  });
  const refused = async () =>
    (await entrance.records(tenant))
      .filter(({ headers }) => headers["refused"] !== undefined)
      .map(({ headers, value }) => [headers["refused"], value.toString()]);

  it("says itself whose a record in a shared topic is, whatever the sender says", async () => {
    const [ours, theirs] = [`${tenant}-ours`, `${tenant}-theirs`];
    for (const id of [ours, theirs]) await entrance.tenant(id, "shared");
    const client = await entrance.client(5, await entrance.api.key("machine", ours));
    const userProperties = { tenant: theirs, generation: "1", "batch-id": "b-1" };
    const publish = { qos: 1, properties: { userProperties } } as const;
    await client.publishAsync("sensors/m-1/telemetry", JSON.stringify(reading()), publish);
    const refusal = await client.publishAsync("sensors/m-1/telemetry", "no JSON", publish).catch(String);
    expect(refusal).to.match(/Payload format invalid/);
    await client.endAsync();
    const records = await entrance.records(ours, SHARED_READINGS.topic);
    expect(records.map(({ headers }) => [headers["tenant"], headers["generation"]])).to.deep.equal([
      [ours, "1"],
      [ours, "1"],
    ]);
  });

  for (const { version, name } of VERSIONS) {
    describe(name, () => {
      const publish = async (
        topic: string,
        payload: unknown,
        options: IClientPublishOptions = { qos: 1 },
      ) => {
        const client = await entrance.client(version, key);
        const text =
          typeof payload === "string" || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
        await client.publishAsync(topic, text, options).finally(() => client.endAsync());
      };

      it("acknowledges what the log has: one reading, an array, an envelope, and the devices' flat form", async () => {
        await publish("sensors/m-1/telemetry", reading());
        await publish("sensors/m-1/telemetry", [reading(), reading()]);
        await publish("sensors/m-1/telemetry", { readings: [reading({ machineId: "m-1" })] });
        const flat = { type: "airquality", timestamp: Date.now() / 1_000, co2_ppm: 612, device_id: "m-1" };
        await publish("sensors/m-1/telemetry", flat);
        await publish("events/gate-2/scan", {
          ts: new Date().toISOString(),
          job_id: "j-7",
          scan_type: "rfid",
        });
        const readings = await entrance.readings(tenant);
        expect(readings.map(({ machineId }) => machineId).sort()).to.deep.equal([
          ...["gate-2", "m-1", "m-1", "m-1", "m-1", "m-1"],
        ]);
        const [record] = await entrance.records(tenant);
        expect(record?.headers).to.include({ source: "live", part: "0" });
        expect(Number(record?.headers["produced-at"])).to.be.closeTo(Date.now(), 60_000);
      });

      it("keeps the order of a client that sends without waiting", async () => {
        const client = await entrance.client(version, key);
        const counts = Array.from({ length: 1_000 }, (_, i) => i);
        await Promise.all(
          counts.map((cycle_count) =>
            client.publishAsync(
              "sensors/m-1/telemetry",
              JSON.stringify(reading({ values: { cycle_count } })),
              {
                qos: 1,
              },
            ),
          ),
        );
        const readings = await entrance.readings(tenant);
        expect(readings.map(({ values }) => values)).to.deep.equal(
          counts.map((cycle_count) => ({ cycle_count })),
        );
      });

      it("keeps what was sent with QoS 0 right before the client left", async () => {
        await publish("sensors/m-1/telemetry", reading(), { qos: 0 });
        await eventually("the reading", async () => (await entrance.readings(tenant)).length === 1);
      });

      it("passes a batch id on, apart for each device, with a hash of the payload", async () => {
        const payload = version === 5 ? reading() : reading({ batchId: "7" });
        const options = version === 5 ? { properties: { userProperties: { "batch-id": "7" } } } : {};
        for (const device of ["m-1", "m-1", "m-2"])
          await publish(`sensors/${device}/telemetry`, payload, { qos: 1, ...options });
        const records = await entrance.records(tenant);
        expect(records.map(({ headers }) => headers["batch-id"]).sort()).to.deep.equal([
          "m-1|7",
          "m-1|7",
          "m-2|7",
        ]);
        expect(new Set(records.map(({ headers }) => headers["content-hash"])).size).to.equal(1);
      });

      const BAD = {
        "another machine in the payload": [
          "sensors/m-1/telemetry",
          reading({ machineId: "m-2" }),
          "identity-mismatch",
        ],
        "another tenant in the payload": [
          "sensors/m-1/telemetry",
          reading({ tenant_id: "globex" }),
          "identity-mismatch",
        ],
        "a topic of nobody's": ["machines/m-1", reading(), "topic-invalid"],
        "a topic of ours": ["globex.readings.g1", reading(), "topic-invalid"],
        "what is no JSON": ["sensors/m-1/telemetry", '{"type":"machine"', "record-undecodable"],
        "what is no UTF-8": ["sensors/m-1/telemetry", Buffer.from([0xff, 0xfe, 0x22]), "record-undecodable"],
        nothing: ["sensors/m-1/telemetry", "", "record-undecodable"],
        "JSON as deep as fits": [
          "sensors/m-1/telemetry",
          "[".repeat(60_000) + "]".repeat(60_000),
          "reading-invalid",
        ],
        "a text for a number": [
          "sensors/m-1/telemetry",
          reading({ values: { power_watts: "much" } }),
          "reading-invalid",
        ],
        "a clock that was never set": [
          "sensors/m-1/telemetry",
          reading({ timestamp: 12, ts: undefined }),
          "time-out-of-range",
        ],
      } as const;
      for (const [what, [topic, payload, reason]] of Object.entries(BAD)) {
        it(`keeps ${what} for people to read${version === 5 ? ", and says so" : ""}`, async () => {
          const failure = await publish(topic, payload).then(
            () => undefined,
            (error: unknown) => error as ErrorWithReasonCode,
          );
          const [[keptReason, kept] = [], ...others] = await refused();
          const sent =
            typeof payload === "object" && !Buffer.isBuffer(payload) ? JSON.stringify(payload) : payload;
          expect([keptReason, kept, others]).to.deep.equal([reason, sent.toString(), []]);
          expect(await entrance.readings(tenant)).to.deep.equal([]);
          const code = { "identity-mismatch": 0x87, "topic-invalid": 0x90 }[reason as string] ?? 0x99;
          if (version === 5) expect(failure?.code).to.equal(code);
          else expect(failure).to.equal(undefined);
        });
      }

      it("takes the good readings of a message whose others it keeps apart", async () => {
        const payload = [reading(), reading({ values: { unknown_metric: 1 } }), reading()];
        await publish("sensors/m-1/telemetry", payload);
        expect(await entrance.readings(tenant)).to.have.length(2);
        expect(await refused()).to.deep.equal([["reading-invalid", JSON.stringify(payload)]]);
      });

      it("lets a machine's own key speak for that machine only", async () => {
        key = (await entrance.machineKey(tenant, "m-1")).secret;
        await publish("sensors/m-1/telemetry", reading());
        const failure = await publish("sensors/m-2/telemetry", reading()).then(
          () => undefined,
          (error: unknown) => error as ErrorWithReasonCode,
        );
        expect(failure?.code).to.equal(version === 5 ? 0x87 : undefined);
        expect((await entrance.readings(tenant)).map(({ machineId }) => machineId)).to.deep.equal(["m-1"]);
        expect((await refused()).map(([reason]) => reason)).to.deep.equal(["machine-forbidden"]);
      });

      if (version === 5)
        it("lets a machine's own key use up no batch id of another machine", async () => {
          key = (await entrance.machineKey(tenant, "m-1")).secret;
          const options = { qos: 1, properties: { userProperties: { "batch-id": "7" } } } as const;
          await publish("sensors/m-2/telemetry", reading(), options).catch(() => undefined);
          const [record] = await entrance.records(tenant);
          expect(record?.headers).to.include({ refused: "machine-forbidden", "batch-id": "m-1|7" });
        });

      it("gives nobody anything to read", async () => {
        const client = await entrance.client(version, key);
        const answer = client.subscribeAsync("#", { qos: 1 });
        expect(await answer.then(String, () => "refused")).to.equal("refused");
        await client.publishAsync("sensors/m-1/telemetry", JSON.stringify(reading()), { qos: 1 });
      });

      it("refuses QoS 2 by ending the connection", async () => {
        const client = await entrance.client(version, key);
        const closed = new Promise((resolve) => client.once("close", () => resolve("closed")));
        client.publish("sensors/m-1/telemetry", JSON.stringify(reading()), { qos: 2 });
        expect(await closed).to.equal("closed");
        expect(await entrance.records(tenant)).to.deep.equal([]);
      });
    });
  }
});
