import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { testCertificate } from "../../support/certificate.ts";
import { TestEntrance, VERSIONS } from "../../support/mqtt.ts";

const reading = JSON.stringify({
  type: "machine",
  ts: new Date().toISOString(),
  values: { state: "running" },
});

describe("the MQTT entrance over TLS", () => {
  const { ca, cert, key } = testCertificate();
  let entrance: TestEntrance;
  let password: string;
  before(async () => {
    entrance = await TestEntrance.start({ tls: { cert, key }, limits: { connectMs: 1_000, closeMs: 300 } });
    await entrance.tenant("acme");
    password = await entrance.api.key("machine", "acme");
  });
  after(() => entrance.close());
  afterEach(() => entrance.hangUp());

  for (const { version, name } of VERSIONS) {
    it(`takes readings of ${name}`, async () => {
      const client = await entrance.client(version, password, { ca });
      await client.publishAsync(`sensors/m-${version}/telemetry`, reading, { qos: 1 });
      const machines = (await entrance.readings("acme")).map(({ machineId }) => machineId);
      expect(machines.filter((machine) => machine === `m-${version}`)).to.have.length(1);
    });
  }

  it("is refused by a client that trusts another authority, before the client says its password", async () => {
    const failure = await entrance.client(5, password, { ca: testCertificate().ca }).then(
      () => undefined,
      (error: unknown) => error as NodeJS.ErrnoException,
    );
    expect(failure?.code).to.match(/SIGNATURE|VERIFY/);
    expect(await entrance.metric("millwright_mqtt_connections")).to.equal(0);
  });

  it("speaks no version of TLS that is broken", async () => {
    const { port } = new URL(entrance.url);
    const old = connectTls({ port: Number(port), ca, minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    const failure = await new Promise<NodeJS.ErrnoException>((resolve) => old.once("error", resolve));
    expect(failure.code).to.match(/^ERR_SSL_/);
  });

  for (const [what, bytes] of [
    ["plain MQTT", "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04bare"],
    ["nothing", ""],
  ] as const) {
    it(`closes on a client that says ${what}, and tells it nothing`, async () => {
      const { socket, closed } = entrance.socket();
      socket.write(bytes);
      const answer = await closed;
      expect(answer.includes(0x20)).to.equal(false); // no CONNACK; at most an alert of TLS
      expect(entrance.logged).to.deep.equal([]);
    });
  }

  it("stops although a client never finishes its handshake", async () => {
    const limits = { connectMs: 3_600_000, closeMs: 50 };
    const stopping = await TestEntrance.start({ tls: { cert, key }, limits });
    const { socket, closed } = stopping.socket();
    socket.write(Buffer.from([0x16, 0x03, 0x01]));
    await eventually("a connection", () => !socket.connecting);
    await stopping.stop();
    await closed;
    await stopping.close();
  });
});
