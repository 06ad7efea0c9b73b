import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions } from "node:tls";
import type { Logger } from "pino";
import { revokedKeys } from "../../data/catalog/api-key.ts";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { MillwrightError } from "../../model/errors.ts";
import { Intake } from "../entrance/intake.ts";
import { Room, type RoomLimits } from "../entrance/room.ts";
import type { TokenCheck } from "../entrance/token-check.ts";
import { Connection, type ConnectionDeps } from "./connection.ts";
import type { MqttMetrics } from "./metrics.ts";
import { ConnectionEnd } from "./reason.ts";
import type { Session } from "./sign-in.ts";

interface MqttLimits {
  /** All, signed in or not; above it new ones are dropped, as databases and engine need file descriptors too. */
  readonly connectionCount: number;
  readonly connectionsPerTenant: number;
  readonly connectMs: number;
  /** What messages on their way are given when the service stops. */
  readonly closeMs: number;
  readonly room?: RoomLimits;
}

const LIMITS: MqttLimits = {
  ...{ connectionCount: 5_000, connectionsPerTenant: 1_000, connectMs: 10_000, closeMs: 5_000 },
};
const SWEEP_MS = 500;
/** A revoked key's connections close within this and the time of one query. */
const REVOCATION_SWEEPS = 4;

export interface MqttServices {
  readonly catalog: Catalog;
  readonly log: Pick<EventLog, "append">;
  readonly tokens: TokenCheck;
  readonly metrics: MqttMetrics;
  readonly logger: Pick<Logger, "error">;
  readonly nowMs: () => number;
}

export interface MqttOptions {
  /** 0: any free one */
  readonly port: number;
  /** Without it the entrance listens on loopback only, as passwords must not travel in clear. */
  readonly tls?: SecureContextOptions | undefined;
  readonly limits?: Partial<MqttLimits>;
}

export interface MqttServer {
  readonly url: string;
  /** Takes nobody in any more, lets messages on their way reach the log, then cuts what is left. */
  readonly close: () => Promise<void>;
}

/**
 * The MQTT entrance: clients of 3.1.1 and 5 publish readings, and nothing is ever delivered to them. It keeps no
 * sessions, subscriptions, wills or retained messages.
 * @throws MillwrightError `port-in-use`
 */
export async function serveMqtt(services: MqttServices, options: MqttOptions): Promise<MqttServer> {
  const { catalog, log, tokens, metrics, logger, nowMs } = services;
  const limits = { ...LIMITS, ...options.limits };
  const sockets = new Set<Socket>(); // also those that never finish their handshake
  const connections = new Set<Connection>();
  const sessions = new Map<string, Connection>();
  const onError = (error: unknown) =>
    logger.error({ message: error instanceof Error ? error.message : "no error" }, "mqtt connection failed");

  const deps: ConnectionDeps = {
    intake: new Intake(catalog, log, nowMs),
    room: new Room(limits.room),
    ...{ tokens, metrics, nowMs, connectMs: limits.connectMs, onError },
    onSession(connection, session) {
      const { tenant } = session.sender;
      const name = nameOf(session);
      const former = sessions.get(name);
      const ofTenant = [...sessions.values()].filter((other) => other.session?.sender.tenant === tenant);
      if (former === undefined && ofTenant.length >= limits.connectionsPerTenant)
        throw new ConnectionEnd("quotaExceeded", "Too many connections of the tenant.");
      sessions.set(name, connection);
      metrics.connected(sessions.size);
      former?.end("sessionTakenOver");
    },
  };

  const accept = async (socket: Socket) => {
    socket.setNoDelay(true);
    const connection = new Connection(socket, deps);
    connections.add(connection);
    await connection.run();
    connections.delete(connection);
    const name = connection.session && nameOf(connection.session);
    if (name !== undefined && sessions.get(name) === connection) sessions.delete(name);
    metrics.connected(sessions.size);
  };
  const tls =
    options.tls && ({ ...options.tls, minVersion: "TLSv1.2", handshakeTimeout: limits.connectMs } as const);
  const onSocket = (socket: Socket) => void accept(socket);
  const server: Server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
  server.maxConnections = limits.connectionCount;
  // Node tells of a handshake that took too long, and leaves its connection open.
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const host = options.tls === undefined ? "127.0.0.1" : "::";
  await listen(server, options.port, host);

  let sweeps = 0;
  let isAsking = false;
  const sweep = setInterval(() => {
    for (const connection of connections) connection.endIfSilent();
    if (++sweeps % REVOCATION_SWEEPS !== 0 || isAsking || sessions.size === 0) return;
    isAsking = true;
    endRevoked(catalog, [...sessions.values()])
      .catch(() => undefined) // a catalog that is away is asked again; meanwhile it knows no topic to write to either
      .finally(() => (isAsking = false));
  }, SWEEP_MS);

  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? "mqtt://127.0.0.1" : "mqtts://localhost"}:${port}`,
    async close() {
      clearInterval(sweep);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.end("serverShuttingDown");
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limits.closeMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** A second connection under the same name takes the place of the first; names of one key are no other's business. */
const nameOf = ({ sender, clientId }: Session) => `${sender.credentialId} ${clientId}`;

async function endRevoked(catalog: Catalog, connections: readonly Connection[]): Promise<void> {
  const idOf = ({ session }: Connection) => session?.sender.credentialId ?? "";
  const revoked = new Set(await revokedKeys(catalog.service, [...new Set(connections.map(idOf))]));
  for (const connection of connections)
    if (revoked.has(idOf(connection))) connection.end("administrativeAction");
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `Port ${port} is in use; stop what listens there, or choose another one with MQTT_PORT=.`;
      reject(cause.code === "EADDRINUSE" ? new MillwrightError("port-in-use", message, { cause }) : cause);
    });
    server.listen(port, host, resolve);
  });
}
