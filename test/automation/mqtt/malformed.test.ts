import { once } from "node:events";
import { expect } from "chai";
import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { CREDENTIAL_RATE } from "../../../automation/entrance/rate-limit.ts";
import { eventually } from "../../support/eventually.ts";
import { TestEntrance } from "../../support/mqtt.ts";
import { seed } from "../../support/seed.ts";

describe(`what is no MQTT (seed ${seed})`, () => {
  let entrance: TestEntrance;
  let key: string;
  let connect: Buffer;
  const packet = (content: object, protocolVersion = 4) => generate(content as Packet, { protocolVersion });
  const publish = (more: object = {}) =>
    packet({
      ...{ cmd: "publish", topic: "sensors/m-1/telemetry", qos: 1, messageId: 7, dup: false, retain: false },
      payload: JSON.stringify({
        type: "machine",
        ts: new Date().toISOString(),
        values: { state: "running" },
      }),
      ...more,
    });
  const connectAs = (more: object = {}) =>
    packet({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
      ...{ clientId: "bare", username: "device", password: Buffer.from(key) },
      ...more,
    });
  before(async () => {
    const limits = { connectMs: 300, room: { totalBytes: 4_000_000, shareBytes: 600_000 } };
    entrance = await TestEntrance.start({ limits });
    await entrance.tenant("acme");
    key = await entrance.api.key("machine", "acme");
    connect = connectAs();
  });
  after(() => entrance.close());
  afterEach(async () => {
    entrance.hangUp();
    // Whatever came, the others go on, and nothing is left of it.
    const client = await entrance.client(5, key);
    await client.publishAsync("sensors/m-1/telemetry", "{}", { qos: 1 }).catch(() => undefined);
    await client.endAsync();
    await eventually(
      "nobody is left",
      async () => (await entrance.metric("millwright_mqtt_connections")) === 0,
    );
    expect(entrance.logged).to.deep.equal([]);
  });

  /** What the entrance answers to these bytes before it closes. */
  const answerTo = async (...bytes: readonly Buffer[]): Promise<Buffer> => {
    const { socket, closed } = entrance.socket();
    for (const part of bytes) socket.write(part);
    return closed;
  };
  const CONNACK = Buffer.from([0x20, 2, 0, 0]);

  const FIRST: Readonly<Record<string, () => Buffer>> = {
    "a request of HTTP": () => Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a PUBLISH before the CONNECT": () => publish(),
    "256 MB that are announced": () => Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
    "a length without an end": () => Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    "a CONNECT that is longer than a stranger's may be": () => connectAs({ clientId: "x".repeat(9_000) }),
    "a CONNECT whose body is cut": () => Buffer.from([0x10, 4, 0, 4, 0x4d, 0x51]),
    "a CONNECT whose length lies": () => Buffer.concat([Buffer.from([0x10, 12]), connect.subarray(2)]),
    "a name that reaches over its end": () => Buffer.from([0x10, 3, 0xff, 0xff, 0x4d]),
    "another protocol": () => Buffer.from([0x10, 12, 0, 4, ...Buffer.from("AMQP"), 4, 2, 0, 60, 0, 0]),
    "a reserved flag": () => Buffer.from([0x10, 12, 0, 4, ...Buffer.from("MQTT"), 4, 3, 0, 60, 0, 0]),
  };
  for (const [what, bytes] of Object.entries(FIRST))
    it(`is closed: ${what}`, async () => {
      expect(await answerTo(bytes())).to.deep.equal(Buffer.of());
    });

  it("hears that its version is unknown", async () => {
    const unknown = Buffer.from([0x10, 12, 0, 4, ...Buffer.from("MQTT"), 9, 2, 0, 60, 0, 0]);
    expect(await answerTo(unknown)).to.deep.equal(Buffer.from([0x20, 2, 0, 1]));
  });

  it("is closed when it never says CONNECT, or half of it", async () => {
    expect(await answerTo()).to.deep.equal(Buffer.of());
    expect(await answerTo(connect.subarray(0, 20))).to.deep.equal(Buffer.of());
  });

  const THEN: Readonly<Record<string, () => Buffer>> = {
    "a second CONNECT": () => connect,
    "a CONNACK": () => packet({ cmd: "connack", returnCode: 0, sessionPresent: false }),
    "an AUTH in 3.1.1": () => Buffer.from([0xf0, 2, 0, 0]),
    "a packet of no type": () => Buffer.from([0x00, 0]),
    "a PUBLISH with QoS 3": () => Buffer.from([0x36, 3, 0, 1, 0x61]),
    "a PUBLISH without its message id": () => Buffer.from([0x32, 3, 0, 1, 0x61]),
    "a topic that reaches over its end": () => Buffer.from([0x32, 5, 0, 200, 0x61, 0, 7]),
    "a packet over the limit": () => Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]),
    "a SUBSCRIBE that is as long as a message may be": () => Buffer.from([0x82, 0x80, 0x80, 0x04]),
    "a SUBSCRIBE with wrong flags": () => Buffer.from([0x80, 5, 0, 1, 0, 1, 0x23]),
  };
  for (const [what, bytes] of Object.entries(THEN))
    it(`is closed after the CONNECT: ${what}`, async () => {
      expect(await answerTo(connect, bytes())).to.deep.equal(CONNACK);
    });

  it("hears of MQTT 5's reasons: a packet too large, a topic alias, another CONNECT", async () => {
    const connect5 = connectAs({ protocolVersion: 5 });
    const reasonAfter = async (bytes: Buffer) => (await answerTo(connect5, bytes)).subarray(-3);
    expect(await reasonAfter(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]))).to.deep.equal(
      Buffer.from([0xe0, 2, 0x95, 0]).subarray(-3),
    );
    const alias = generate(
      {
        cmd: "publish",
        topic: "",
        qos: 0,
        dup: false,
        retain: false,
        payload: "x",
        properties: { topicAlias: 1 },
      },
      { protocolVersion: 5 },
    );
    expect(await reasonAfter(alias)).to.deep.equal(Buffer.from([2, 0x94, 0]));
    expect(await reasonAfter(connect5)).to.deep.equal(Buffer.from([2, 0x82, 0]));
  });

  it("takes packets in whatever pieces they come", async () => {
    const before = (await entrance.readings("acme")).length;
    const { socket, closed } = entrance.socket();
    const bytes = Buffer.concat([
      connect,
      publish(),
      publish({ messageId: 8 }),
      packet({ cmd: "disconnect" }),
    ]);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      if (byte % 16 === 0) await new Promise(setImmediate);
    }
    const puback = (id: number) => Buffer.from([0x40, 2, 0, id]);
    expect(await closed).to.deep.equal(Buffer.concat([CONNACK, puback(7), puback(8)]));
    expect(await entrance.readings("acme")).to.have.length(before + 2);
  });

  it("may fill its tenant's share of the memory with packets that never end, and no more", async () => {
    const half = Buffer.concat([publish({ payload: "x".repeat(250_000) }).subarray(0, 1_000)]);
    const sockets = await Promise.all(
      ["a", "b", "c"].map(async (clientId) => {
        const opened = entrance.socket();
        opened.socket.write(connectAs({ clientId }));
        await once(opened.socket, "data");
        return opened;
      }),
    );
    for (const { socket } of sockets) socket.write(half);
    expect((await Promise.race(sockets.map(({ closed }) => closed))).subarray(0, 4)).to.deep.equal(CONNACK);
    expect(await entrance.metric("millwright_mqtt_refusals_total", { reason: "quotaExceeded" })).to.equal(1);
  });

  it("is cut when it sends and never reads", async () => {
    const { socket } = entrance.socket();
    socket.write(connectAs({ password: Buffer.from(await entrance.api.key("machine", "acme")) }));
    await once(socket, "data");
    socket.pause();
    const subscriptions = Array.from({ length: 2_000 }, () => ({ topic: "a", qos: 0 }));
    const greedy = packet({ cmd: "subscribe", messageId: 1, subscriptions }); // its answer has a byte for each
    const write = () => new Promise<boolean>((resolve) => socket.write(greedy, (error) => resolve(!error)));
    let isTaken = true;
    while (isTaken) isTaken = await write();
  });

  it("is answered at the rate of messages, though it be pings alone", async () => {
    const { socket } = entrance.socket();
    socket.write(connectAs({ password: Buffer.from(await entrance.api.key("machine", "acme")) }));
    await once(socket, "data");
    const startedAt = performance.now();
    const count = CREDENTIAL_RATE.burst + CREDENTIAL_RATE.perSecond;
    socket.write(Buffer.alloc(2 * count, packet({ cmd: "pingreq" })));
    for (let bytes = 0; bytes < 2 * count;) bytes += ((await once(socket, "data")) as Buffer[])[0]!.length;
    expect(performance.now() - startedAt).to.be.at.least(900);
  });

  it("is closed, whatever bytes come after the CONNECT, or takes them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), async (bytes) => {
        const { socket, closed } = entrance.socket();
        socket.write(connect);
        await once(socket, "data");
        socket.end(Buffer.from(bytes));
        expect((await closed).subarray(0, 4)).to.deep.equal(CONNACK);
      }),
      { seed, numRuns: 200 },
    );
  });
});
