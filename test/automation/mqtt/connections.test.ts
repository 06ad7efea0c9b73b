import { expect } from "chai";
import type { ErrorWithReasonCode, IDisconnectPacket, MqttClient } from "mqtt";
import { eventually } from "../../support/eventually.ts";
import { TestEntrance, VERSIONS } from "../../support/mqtt.ts";

const reading = () =>
  JSON.stringify({ type: "machine", ts: new Date().toISOString(), values: { state: "running" } });

describe("connections of the MQTT entrance", () => {
  let entrance: TestEntrance;
  let key: string;
  before(async () => {
    entrance = await TestEntrance.start({ limits: { connectionsPerTenant: 3 } });
    await entrance.tenant("acme");
    key = await entrance.api.key("machine", "acme");
  });
  after(() => entrance.close());
  const connected = () => entrance.metric("millwright_mqtt_connections");
  afterEach(async () => {
    entrance.hangUp();
    await eventually("everybody has left", async () => (await connected()) === 0);
  });
  const refusal = async (version: 4 | 5, password: string, more: object = {}) =>
    entrance.client(version, password, more).then(
      () => undefined,
      (error: unknown) => (error as ErrorWithReasonCode).code,
    );

  for (const { version, name } of VERSIONS) {
    describe(name, () => {
      it("lets in whoever has a key that may send readings, and nobody else", async () => {
        const viewer = await entrance.api.key("viewer", "acme");
        const platform = await entrance.api.key("platform-admin");
        const [badKey, mayNot] = version === 5 ? [0x86, 0x87] : [4, 5];
        for (const wrong of ["", "wrong", `${key}x`, key.toUpperCase()])
          expect(await refusal(version, wrong), wrong).to.equal(badKey);
        for (const other of [viewer, platform]) expect(await refusal(version, other)).to.equal(mayNot);
        expect(await refusal(version, key)).to.equal(undefined);
        expect(entrance.logged.join()).to.not.contain(key);
      });

      it("takes the key for the tenant, whatever the user name says", async () => {
        const client = await entrance.client(version, key, { username: "globex" });
        await client.publishAsync("sensors/m-1/telemetry", reading(), { qos: 1 });
        expect(await entrance.records("acme")).to.not.deep.equal([]);
      });

      it("closes the connections of a key that is revoked, and of no other", async () => {
        const { id, secret } = await entrance.machineKey("acme", "m-1");
        const revoked = await entrance.client(version, secret);
        const other = await entrance.client(version, key);
        const closed = heard(revoked, "close");
        await entrance.api.call("DELETE", `/v1/tenants/acme/keys/${id}`);
        await closed;
        await other.publishAsync("sensors/m-2/telemetry", reading(), { qos: 1 });
        expect(await refusal(version, secret)).to.equal(version === 5 ? 0x86 : 4);
      });

      it("gives a client's name to the newer connection, among the connections of one key", async () => {
        const own = (await entrance.machineKey("acme", "m-1")).secret;
        const clientId = `same-${version}`;
        const former = await entrance.client(version, key, { clientId });
        const stranger = await entrance.client(version, own, { clientId });
        const closed = heard(former, "close");
        const newer = await entrance.client(version, key, { clientId });
        await closed;
        for (const client of [stranger, newer])
          await client.publishAsync("sensors/m-1/telemetry", reading(), { qos: 1 });
      });

      it("has room for so many connections of one tenant", async () => {
        for (let i = 0; i < 3; i++) await entrance.client(version, key);
        expect(await refusal(version, key)).to.equal(version === 5 ? 0x97 : 3);
      });

      it("answers pings, and ends a connection that is silent for longer than was agreed", async () => {
        const talking = await entrance.client(version, key, { keepalive: 1 });
        let pings = 0;
        talking.on("packetreceive", ({ cmd }) => (pings += cmd === "pingresp" ? 1 : 0));
        // A keep-alive of a second, and a client that sends no ping of its own.
        const { socket, closed } = entrance.socket();
        socket.write(connectPacket(version, key, 1));
        await closed;
        await eventually("two pings", () => pings >= 2);
        expect(talking.connected).to.equal(true);
      });
    });
  }

  it("tells clients of MQTT 5 what it does not do, and gives a name to who has none", async () => {
    const client = await entrance.client(5, key, { clientId: "", keepalive: 0 });
    const { properties } = await new Promise<{ properties?: object }>((resolve) => {
      client.once("connect", resolve);
      client.reconnect();
    });
    expect(properties).to.include({ maximumQoS: 1, retainAvailable: false, topicAliasMaximum: 0 });
    expect(properties).to.include({ sessionExpiryInterval: 0, serverKeepAlive: 3_600 });
    expect(properties).to.have.property("assignedClientIdentifier").that.is.a("string");
  });

  it("says why to clients of MQTT 5 when it ends a connection", async () => {
    const client = await entrance.client(5, key);
    const told = heard(client, "disconnect");
    client.publish("sensors/m-1/telemetry", reading(), { qos: 1, retain: true });
    expect((await told)?.reasonCode).to.equal(0x9a);
  });

  it("slows a guesser of passwords down, at the API too, and not the machine beside him", async () => {
    const guessed = await TestEntrance.start();
    await guessed.tenant("acme");
    const own = await guessed.api.key("machine", "acme");
    await guessed.client(5, own);
    const codes = new Set<number | undefined>();
    for (let i = 0; i < 60; i++)
      codes.add(
        await guessed.client(5, "guess").then(
          () => undefined,
          (error: unknown) => (error as ErrorWithReasonCode).code,
        ),
      );
    expect([...codes]).to.deep.equal([0x86, 0x9f]);
    expect((await guessed.api.call("GET", "/v1/tenants", undefined, { token: "guess" })).status).to.equal(
      429,
    );
    await (await guessed.client(5, own)).publishAsync("sensors/m-1/telemetry", reading(), { qos: 1 });
    await guessed.close();
  });

  it("keeps and acknowledges what is on its way when the service stops", async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let waiting = 0;
    const stopping = await TestEntrance.start({}, (log) => async (records) => {
      waiting += 1;
      await released;
      return log.append(records);
    });
    await stopping.tenant("acme");
    const client = await stopping.client(5, await stopping.api.key("machine", "acme"));
    const told = heard(client, "disconnect");
    const published = client.publishAsync("sensors/m-1/telemetry", reading(), { qos: 1 });
    await eventually("the append", () => waiting === 1);
    const stopped = stopping.stop();
    release();
    await published;
    expect((await told)?.reasonCode).to.equal(0x8b);
    await stopped;
    expect(await stopping.records("acme")).to.have.length(1);
    await stopping.close();
  });
});

/** Resolves at the client's next such event, with the packet that it came with. */
function heard(client: MqttClient, event: "close" | "disconnect"): Promise<IDisconnectPacket | undefined> {
  return new Promise((resolve) => client.once(event, (packet?: IDisconnectPacket) => resolve(packet)));
}

/** A CONNECT with a clean session, user name and password. */
function connectPacket(version: 4 | 5, password: string, keepAliveS: number): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const body = Buffer.concat([
    ...[
      text("MQTT"),
      Buffer.from([version, 0xc2, 0, keepAliveS]),
      version === 5 ? Buffer.from([0]) : Buffer.of(),
    ],
    ...[text("bare"), text("device"), text(password)],
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
