import { expect } from "chai";
import { connectAsync, type ErrorWithReasonCode, type IClientPublishOptions } from "mqtt";
import { eventually } from "../support/eventually.ts";
import { VERSIONS } from "../support/mqtt.ts";
import { TestPlatform } from "../support/platform.ts";
import { realKafka, usesRealServices } from "../support/real-services.ts";

describe("readings sent by MQTT", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform;
  let password: string;
  before(async function () {
    const services = usesRealServices ? { KAFKA_BROKERS: (await realKafka(this)).brokers } : {};
    platform = await (await TestPlatform.inNewHome()).start(services);
    await platform.tenant("acme");
    password = await platform.key("acme", "machine");
  });
  after(() => platform.remove());

  const list = async (route: string) =>
    (await platform.call("GET", `/v1/data/${route}${route.includes("?") ? "&" : "?"}tenant=acme`)).body;

  for (const { version, name } of VERSIONS) {
    const device = `m-00${version}`;
    /** Publishes and waits for the acknowledgement; answers the reason code of a refusal. */
    const publish = async (payload: string, properties: IClientPublishOptions["properties"] = {}) => {
      const { mqttUrl = "" } = await platform.running();
      const client = await connectAsync(mqttUrl, { protocolVersion: version, username: "device", password });
      const options = { qos: 1, ...(version === 5 && { properties }) } as const;
      const refusal = await client.publishAsync(`sensors/${device}/telemetry`, payload, options).then(
        () => undefined,
        (error: unknown) => (error as ErrorWithReasonCode).code,
      );
      await client.endAsync();
      return refusal;
    };
    const timestamps = [4, 3, 2].map((ago) => Math.floor(Date.now() / 1_000) - ago);
    const reading = (timestamp: number | undefined) => ({
      ...{ type: "machine", timestamp, state: "running", power_watts: 1500.5 },
    });
    const storedRows = async () => (await list(`machine?machineId=${device}`)).rows as object[];
    const rowOf = (timestamp: number | undefined) => ({
      ...{ time: new Date((timestamp ?? 0) * 1_000).toISOString(), machineId: device },
      ...{ state: "running", power_watts: 1500.5 },
    });

    it(`become rows, each once, however often ${name} delivers them`, async () => {
      const [first, second, last] = timestamps;
      const batch = { readings: [reading(first), reading(second)], ...(version === 4 && { batchId: "77" }) };
      for (let delivery = 0; delivery < 2; delivery++)
        expect(await publish(JSON.stringify(batch), { userProperties: { "batch-id": "77" } })).to.equal(
          undefined,
        );
      expect(await publish(JSON.stringify(reading(last)))).to.equal(undefined);
      // Of one machine, so in the order of their sending: when the last is stored, all before it were dealt with.
      const stored = await eventually("the last reading", async () => {
        const rows = await storedRows();
        return rows.some((row) => (row as { time: string }).time === rowOf(last).time) && rows;
      });
      expect(stored).to.deep.equal(timestamps.map(rowOf));
    });

    it(`are kept for people where nothing can be read out of them, of ${name}`, async () => {
      const before = (await storedRows()).length;
      const cut = JSON.stringify(reading(timestamps[0])).slice(0, -3);
      expect(await publish(cut)).to.equal(version === 5 ? 0x99 : undefined);
      const letters = await eventually("a dead letter", async () => {
        const { deadLetters } = await list("dead-letters");
        return deadLetters.length === VERSIONS.findIndex((one) => one.version === version) + 1 && deadLetters;
      });
      const { raw } = (await list(`dead-letters/${letters[0].id}`)).deadLetter;
      expect([letters[0].reason, raw]).to.deep.equal(["record-undecodable", cut]);
      expect(await storedRows()).to.have.length(before);
    });
  }

  it("are told to the tenant's own consumers, where nothing could be read out of them", async () => {
    const exported = `millwright_events_published_total{stream="deadletters"} ${VERSIONS.length}\n`;
    await eventually("the export", async () =>
      String((await platform.call("GET", "/metrics")).body).includes(exported),
    );
  });
});
