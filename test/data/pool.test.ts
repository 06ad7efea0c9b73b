import { expect } from "chai";
import { once } from "node:events";
import net from "node:net";
import pg from "pg";
import { isOutage } from "../../data/pool.ts";

/** As a server does that was stopped: the kernel takes connections for it, and nobody answers. */
async function silentServer(): Promise<net.Server> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe("isOutage", () => {
  let server: net.Server;
  before(async () => (server = await silentServer()));
  after(() => server.close());

  for (const { name, connect } of [
    { name: "a client", connect: (config: pg.ClientConfig) => new pg.Client(config).connect() },
    { name: "a pool", connect: (config: pg.ClientConfig) => new pg.Pool(config).connect() },
  ]) {
    it(`holds for what ${name} meets at a server that stands still`, async () => {
      const { port } = server.address() as net.AddressInfo;
      const config = { host: "127.0.0.1", port, user: "u", password: "p", connectionTimeoutMillis: 20 };
      const error = await connect(config).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(isOutage(error), String(error)).to.equal(true);
    });
  }
});
