import { expect } from "chai";
import { existsSync } from "node:fs";
import net from "node:net";
import pg from "pg";
import type { ServerProcess } from "../../../automation/services/server-process.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { realKafka, realTimescale } from "../../support/real-services.ts";

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });

describe("a TimescaleDB server of this machine", function () {
  this.timeout(15 * 60_000); // the first use installs it
  let server: ServerProcess | undefined;
  let address: DatabaseAddress;
  before(async function () {
    ({ server, address } = await realTimescale(this));
  });
  after(() => server?.remove());

  async function connected<T>(work: (client: pg.Client) => Promise<T>, place = address): Promise<T> {
    const client = new pg.Client(place);
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  it("is durable and can make hypertables", () =>
    connected(async (client) => {
      await client.query("create extension timescaledb");
      await client.query("create table kept (time timestamptz not null)");
      await client.query("select create_hypertable('kept', 'time')");
      const { rows } = await client.query("select current_setting('fsync') as fsync");
      expect(rows).to.deep.equal([{ fsync: "on" }]);
    }));

  it("keeps what was committed over kill -9, and starts again at the same address", async () => {
    await connected(async (client) => {
      await client.query("insert into kept values (now())");
      await server!.kill();
      await client.query("select 1").then(
        () => expect.fail("the server answers after SIGKILL"),
        () => undefined,
      );
    });
    await server!.start();
    expect((await connected((client) => client.query("select from kept"))).rowCount).to.equal(1);
  });

  it("stops answering while it is frozen, and goes on with the same connections; its neighbour does not notice", async function () {
    const neighbour = await realTimescale(this);
    await connected(async (client) => {
      await server!.freeze();
      let isAnswered = false;
      const answer = client.query("select 1").then(() => (isAnswered = true));
      await connected((other) => other.query("select 1"), neighbour.address); // as long as an answer would take
      expect(isAnswered).to.equal(false);
      await server!.thaw();
      await answer;
    });
    await neighbour.server.remove();
    expect(existsSync(neighbour.server.folder)).to.equal(false);
  });
});

describe("a Kafka broker of this machine", function () {
  this.timeout(15 * 60_000);
  let server: ServerProcess | undefined;
  let port: number;
  before(async function () {
    const kafka = await realKafka(this);
    server = kafka.server;
    port = Number(kafka.brokers.split(":")[1]);
  });
  after(() => server?.remove());

  it("serves at the same address after kill -9, and after a restart", async () => {
    expect(await accepts(port)).to.equal(true);
    await server!.kill();
    expect(await accepts(port)).to.equal(false);
    await server!.start();
    expect(await accepts(port)).to.equal(true);
    await server!.restart();
    expect(await accepts(port)).to.equal(true);
  });
});
