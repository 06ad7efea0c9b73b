import { createServer, STATUS_CODES, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { MillwrightError } from "../../model/errors.ts";
import { createApp, type ApiDependencies } from "./app.ts";
import { toProblem } from "./problem.ts";

interface ServerLimits {
  /** A client that trickles its headers holds a connection for as long (slowloris). */
  readonly headersMs: number;
  /** 8 MB take this long at 1 Mbit/s; a longer one lets a slow body hold memory for longer. */
  readonly requestMs: number;
  /** A connection on which nothing moves, in either direction; above the heartbeat of event streams. */
  readonly idleMs: number;
  /** What an answer under way is given when the service stops. */
  readonly closeMs: number;
  /** Above it new ones are dropped: databases and engine need file descriptors of this process too. */
  readonly connectionCount: number;
}

const LIMITS: ServerLimits = {
  ...{ headersMs: 10_000, requestMs: 65_000, idleMs: 120_000, closeMs: 5_000 },
  connectionCount: 10_000,
};

export interface ApiServer {
  readonly url: string;
  /** Ends event streams, lets answers under way finish, then cuts what is left. */
  readonly close: () => Promise<void>;
}

export interface ServeOptions {
  /** 0: any free one */
  readonly port: number;
  readonly host?: string;
  readonly limits?: Partial<ServerLimits>;
}

/** @throws MillwrightError `port-in-use` */
export async function serveApi(
  dependencies: Omit<ApiDependencies, "stopping">,
  { port, host = "127.0.0.1", limits }: ServeOptions,
): Promise<ApiServer> {
  const { headersMs, requestMs, idleMs, closeMs, connectionCount } = { ...LIMITS, ...limits };
  const stopping = new AbortController();
  const app = createApp({ ...dependencies, stopping: stopping.signal });
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: 65_000, // above the minute that load balancers keep theirs: they must be the ones who close
      connectionsCheckingInterval: Math.min(1_000, headersMs),
    },
    app,
  );
  server.setTimeout(idleMs);
  server.maxConnections = connectionCount;
  server.on("clientError", refuseBrokenRequest);
  await listen(server, port, host);
  const { port: realPort } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${realPort}`,
    close: async () => {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that is kept alive becomes idle only when its answer has ended.
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      const cut = setTimeout(() => server.closeAllConnections(), closeMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `Port ${port} is in use; stop what listens there, or choose another one with PORT=.`;
      reject(cause.code === "EADDRINUSE" ? new MillwrightError("port-in-use", message, { cause }) : cause);
    });
    server.listen(port, host, resolve);
  });
}

/** What is no HTTP, or came too slowly or too long, never reaches express; it gets a problem all the same. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? new MillwrightError("request-timeout", "The request took too long to arrive.", { retryable: true })
      : new MillwrightError(
          "request-invalid",
          "This is not a request of HTTP/1.1, or its headers are too long.",
        );
  const problem = toProblem(refusal, "");
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\nConnection: close\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
