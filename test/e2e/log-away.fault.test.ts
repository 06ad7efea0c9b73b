import { expect } from "chai";
import { connectAsync, type MqttClient } from "mqtt";
import type { KafkaServer } from "../../automation/services/kafka.ts";
import { eventually } from "../support/eventually.ts";
import { VERSIONS } from "../support/mqtt.ts";
import { TestPlatform } from "../support/platform.ts";
import { realKafka } from "../support/real-services.ts";

const MACHINES = ["m-http", ...VERSIONS.map(({ version }) => `m-${version}`)];

/** What a sender sees and what is stored when the brokers are killed under a running platform. */
describe("while the log is away", function () {
  this.timeout(15 * 60_000);
  let kafka: KafkaServer;
  let platform: TestPlatform;
  let password: string;
  let env: Readonly<Record<string, string>>;
  let sent = 0;
  const acknowledged = new Set<number>();
  const clients: MqttClient[] = [];

  before(async function () {
    kafka = await realKafka(this);
    platform = await TestPlatform.inNewHome();
    env = { KAFKA_BROKERS: kafka.brokers };
    await platform.start(env);
    await platform.tenant("acme");
    password = await platform.key("acme", "machine");
  });
  after(() => platform.remove());
  afterEach(() => {
    for (const client of clients.splice(0)) client.end(true);
  });

  /** A reading that no other is like; each counts as one row of its machine. */
  const reading = (cycleCount: number) => ({
    ...{ type: "machine", ts: new Date(Date.now() - 60_000 + cycleCount * 10).toISOString() },
    values: { cycle_count: cycleCount },
  });
  const post = async () => {
    const readings = MACHINES.map((machineId) => ({ ...reading(++sent), machineId }));
    const answer = await platform.call("POST", "/v1/data", { readings }, { token: password });
    const counts = readings.map(({ values }) => values.cycle_count);
    if (answer.status === 202) for (const count of counts) acknowledged.add(count);
    return { ...answer, counts };
  };
  const connect = async (version: 4 | 5, more: object = {}) => {
    const { mqttUrl = "" } = await platform.running();
    const options = { protocolVersion: version, username: "device", password, reconnectPeriod: 100, ...more };
    const client = await connectAsync(mqttUrl, options);
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  const publish = async (client: MqttClient, version: 4 | 5) => {
    const number = ++sent;
    // The client sends again what was not acknowledged, and only its id tells that from another message.
    const payload = JSON.stringify({ ...reading(number), batchId: String(number) });
    await client.publishAsync(`sensors/m-${version}/telemetry`, payload, { qos: 1 });
    acknowledged.add(number);
  };
  const storedCounts = async (): Promise<number[]> => {
    const { rows } = (await platform.call("GET", "/v1/data/machine?tenant=acme&limit=10000")).body;
    return rows.map((row: { cycle_count: number }) => row.cycle_count).sort((a: number, b: number) => a - b);
  };
  const expectEachOnce = async () => {
    // Each machine's last: when they are stored, all that was sent before them was dealt with.
    const { counts: last } = await post();
    const stored = await eventually(
      "the last rows",
      async () => {
        const counts = await storedCounts();
        return last.every((count) => counts.includes(count)) && counts;
      },
      60_000,
    );
    expect(stored).to.deep.equal([...acknowledged].sort((a, b) => a - b));
  };

  it("tells senders so, and acknowledges only what came in when it is back", async () => {
    const senders = await Promise.all(
      VERSIONS.map(async ({ version }) => ({ version, client: await connect(version) })),
    );
    const reasons: (number | undefined)[] = [];
    senders[1]?.client.on("disconnect", ({ reasonCode }) => reasons.push(reasonCode));
    await Promise.all([post(), ...senders.map(({ client, version }) => publish(client, version))]);
    await kafka.server.kill();

    const published = senders.map(({ client, version }) => publish(client, version));
    const answer = await post();
    expect([answer.status, answer.body.code]).to.deep.equal([503, "log-unavailable"]);
    expect(Number(answer.headers.get("retry-after"))).to.be.at.least(1);
    await eventually("the reason for MQTT 5", () => reasons.length > 0, 60_000);
    expect(new Set(reasons)).to.deep.equal(new Set([0x89]));
    expect(acknowledged.size).to.equal(MACHINES.length + VERSIONS.length);

    await kafka.server.start();
    await Promise.all(published);
    await expectEachOnce();
  });

  it("keeps on disk what it acknowledges, where it has room, through a kill -9", async () => {
    await platform.stop();
    await platform.start({ ...env, MILLWRIGHT_INTAKE_BUFFER_BYTES: "10000000" });
    const before = acknowledged.size;
    await kafka.server.kill();
    for (const { version } of VERSIONS) {
      const client = await connect(version);
      await Promise.all(Array.from({ length: 20 }, () => publish(client, version)));
    }
    for (let count = 0; count < 10; count++) expect((await post()).status).to.equal(202);
    expect(acknowledged.size - before).to.equal(2 * 20 + 10 * MACHINES.length);
    await platform.killService();

    await kafka.server.start();
    await platform.start({ ...env, MILLWRIGHT_INTAKE_BUFFER_BYTES: "10000000" });
    await expectEachOnce();
  });
});
