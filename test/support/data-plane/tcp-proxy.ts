import { once } from "node:events";
import net from "node:net";

/** A wire that can be cut: forwards to a local port, until it is told to break what it carries. */
export class TcpProxy {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isRefusing = false;

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on("connection", (client) => {
      if (this.#isRefusing) return void client.resetAndDestroy();
      const target = net.connect(targetPort, "127.0.0.1");
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(from);
        from.setNoDelay(true).pipe(to);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, targetPort);
  }

  /** Resets every connection, in the middle of whatever it carries, and refuses new ones until {@link mend}. */
  cut(): void {
    this.#isRefusing = true;
    // A socket that is closing cannot be reset, and Node 24 then spins for ever when the process ends.
    for (const socket of this.#sockets) {
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  mend(): void {
    this.#isRefusing = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
