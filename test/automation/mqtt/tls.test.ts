import { readFile } from "node:fs/promises";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import { serverCertificate } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { TestEntrance, VERSIONS } from "../../support/mqtt.ts";

const reading = JSON.stringify({
  type: "machine",
  ts: new Date().toISOString(),
  values: { state: "running" },
});

describe("the MQTT entrance over TLS", () => {
  const name = "DNS:localhost,IP:127.0.0.1";
  let certificate: Awaited<ReturnType<typeof serverCertificate>>;
  let tls: { readonly cert: string; readonly key: string };
  let entrance: TestEntrance;
  let password: string;
  before(async () => {
    certificate = await serverCertificate(name);
    const keyAndCertificate = await readFile(certificate.keyStoreFile, "utf8");
    tls = { cert: keyAndCertificate, key: keyAndCertificate };
    entrance = await TestEntrance.start({ tls, limits: { connectMs: 1_000, closeMs: 300 } });
    await entrance.tenant("acme");
    password = await entrance.api.key("machine", "acme");
  });
  after(async () => {
    await entrance.close();
    await certificate.remove();
  });
  afterEach(() => entrance.hangUp());

  for (const { version, name: protocol } of VERSIONS) {
    it(`takes readings of ${protocol}`, async () => {
      const client = await entrance.client(version, password, { ca: certificate.ca });
      await client.publishAsync(`sensors/m-${version}/telemetry`, reading, { qos: 1 });
      const machines = (await entrance.readings("acme")).map(({ machineId }) => machineId);
      expect(machines.filter((machine) => machine === `m-${version}`)).to.have.length(1);
    });
  }

  it("is refused by a client that trusts another authority, before the client says its password", async () => {
    const stranger = await serverCertificate(name);
    const failure = await entrance.client(5, password, { ca: stranger.ca }).then(
      () => undefined,
      (error: unknown) => error as NodeJS.ErrnoException,
    );
    await stranger.remove();
    expect(failure?.code).to.match(/SIGNATURE|VERIFY/);
    expect(await entrance.metric("millwright_mqtt_connections")).to.equal(0);
  });

  it("speaks no version of TLS that is broken", async () => {
    const { port } = new URL(entrance.url);
    const { ca } = certificate;
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
    const stopping = await TestEntrance.start({ tls, limits });
    const { socket, closed } = stopping.socket();
    socket.write(Buffer.from([0x16, 0x03, 0x01]));
    await eventually("a connection", () => !socket.connecting);
    await stopping.stop();
    await closed;
    await stopping.close();
  });
});
