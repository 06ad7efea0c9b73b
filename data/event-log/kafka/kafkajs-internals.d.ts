// The parts of kafkajs 2.2.4 below its public interface that we stand on; docs/adr/0012 says why. It has not changed
// since February 2023, and package.json pins it.

interface KafkaWireRequest {
  readonly request: object;
  readonly response: { readonly decode: (raw: Buffer) => Promise<unknown>; readonly parse: unknown };
}

interface KafkaConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly send: (request: KafkaWireRequest) => Promise<unknown>;
  readonly pool: readonly { readonly requestQueue: KafkaRequestQueue }[];
}

interface KafkaRequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests: () => void;
  /** Of what is under way or waits. */
  rejectAll: (reason: unknown) => void;
}

declare module "kafkajs/src/broker/index.js" {
  import type { KafkaRequestDefinition } from "kafkajs/src/protocol/requests/index.js";
  export default class Broker {
    constructor(options: {
      connectionPool: KafkaConnectionPool;
      logger: object;
      nodeId?: number;
      authenticationTimeout: number;
    });
    readonly connectionPool: KafkaConnectionPool;
    /** Takes the newest version that both sides speak. */
    lookupRequest(apiKey: number, definition: KafkaRequestDefinition): (args: object) => KafkaWireRequest;
    connect(): Promise<void>;
    disconnect(): Promise<void>;
  }
}

declare module "kafkajs/src/cluster/connectionPoolBuilder.js" {
  interface Builder {
    readonly build: (place?: { host: string; port: number }) => Promise<KafkaConnectionPool>;
  }
  export default function connectionPoolBuilder(options: object): Builder;
}

declare module "kafkajs/src/protocol/requests/index.js" {
  export interface KafkaRequestDefinition {
    readonly versions: readonly string[];
  }
  const protocol: { readonly requests: Readonly<Record<string, KafkaRequestDefinition>> };
  export default protocol;
}

declare module "kafkajs/src/protocol/requests/apiKeys.js" {
  const apiKeys: Readonly<Record<string, number>>;
  export default apiKeys;
}

declare module "kafkajs/src/protocol/error.js" {
  const errors: { readonly errorCodes: readonly { readonly type: string; readonly code: number }[] };
  export default errors;
}

declare module "kafkajs/src/network/socketFactory.js" {
  export default function socketFactory(): unknown;
}

declare module "kafkajs/src/loggers/index.js" {
  const loggers: {
    readonly LEVELS: { readonly NOTHING: number };
    readonly createLogger: (options: { level: number; logCreator: () => () => void }) => object;
  };
  export default loggers;
}
