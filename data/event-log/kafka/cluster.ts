import Broker from "kafkajs/src/broker/index.js";
import connectionPoolBuilder from "kafkajs/src/cluster/connectionPoolBuilder.js";
import loggers from "kafkajs/src/loggers/index.js";
import socketFactory from "kafkajs/src/network/socketFactory.js";
import apiKeys from "kafkajs/src/protocol/requests/apiKeys.js";
import protocol from "kafkajs/src/protocol/requests/index.js";
import type { KafkaConfig } from "kafkajs";
import { MillwrightError } from "../../../model/errors.ts";
import { failureText } from "./failure.ts";
import { decodeFetchAnswer, FETCH_VERSION } from "./fetch-answer.ts";
import { errorName, type KafkaRequests, type TopicMetadata } from "./protocol.ts";

/** Where the brokers are and how to prove who we are. */
export type KafkaAddress = Pick<KafkaConfig, "ssl" | "sasl"> & {
  /** `host:port`, any of the cluster. */
  readonly brokers: readonly string[];
};

// Of one version, which we decode ourselves.
const FETCH = { ...protocol.requests["Fetch"], versions: [String(FETCH_VERSION)] };
const decodeFetch = (raw: Buffer) => Promise.resolve(decodeFetchAnswer(raw));
const CONNECT_TIMEOUT_MS = 3_000;
// A broker that stands still holds an append and a fetch for so long. Shorter: a busy one would be called dead.
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Connections to the brokers of one cluster, two to each: one for fetches, which wait for records, one for the rest. It
 * retries nothing: a connection that has failed once is thrown away, and the caller knows whether to try again.
 */
export class KafkaCluster {
  readonly #builder;
  readonly #logger = loggers.createLogger({
    level: loggers.LEVELS.NOTHING,
    logCreator: () => () => undefined,
  });
  readonly #seeds: readonly { readonly host: string; readonly port: number }[];
  #seedTurn = 0;
  /** Addresses of the brokers by node id, as the cluster told last. */
  readonly #places = new Map<number, { readonly host: string; readonly port: number }>();
  readonly #brokers = new Map<string, Broker>();

  constructor({ brokers, ssl, sasl }: KafkaAddress, clientId: string) {
    this.#seeds = brokers.map((address) => {
      const colon = address.lastIndexOf(":");
      return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    });
    this.#builder = connectionPoolBuilder({
      ...{ brokers, ssl, sasl, clientId, logger: this.#logger, socketFactory: socketFactory() },
      ...{ connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      enforceRequestTimeout: true,
    });
  }

  /**
   * Sends one request. Errors of single partitions and topics stand in the answer.
   * @param nodeId - the broker to ask; any one when it is missing
   * @throws MillwrightError `log-unavailable`, retryable; what a request that changes something has done is unknown
   */
  async request<Api extends keyof KafkaRequests>(
    api: Api,
    args: KafkaRequests[Api]["args"],
    nodeId?: number,
  ): Promise<KafkaRequests[Api]["answer"]> {
    const place = nodeId === undefined ? this.#anyPlace() : this.#places.get(nodeId);
    if (place === undefined) throw unavailable(`Kafka has no broker ${nodeId ?? ""} at the moment.`);
    const key = `${place.host}:${place.port}`;
    const broker = await this.#brokerAt(key, place);
    try {
      await broker.connect();
      const definition = api === "Fetch" ? FETCH : protocol.requests[api];
      const apiKey = apiKeys[api];
      if (definition === undefined || apiKey === undefined) throw new RangeError(`no request ${api}`);
      const { response, ...request } = broker.lookupRequest(apiKey, definition)(args);
      const decode = api === "Fetch" ? decodeFetch : response.decode;
      // kafkajs would throw at the first partition with an error, and keep from us which one it was
      const parse = (answer: unknown) => Promise.resolve(answer);
      const answer = await broker.connectionPool.send({
        ...request,
        response: { decode, parse },
      });
      return answer as KafkaRequests[Api]["answer"];
    } catch (error) {
      if (this.#brokers.get(key) === broker) this.#brokers.delete(key);
      void abandon(broker, error);
      throw error instanceof MillwrightError ? error : unavailable(failureText(key, error), error);
    }
  }

  /** What the cluster knows of the topics; brokers that come and go are learnt on the way. */
  async metadata(topics: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata>> {
    if (topics.length === 0) return new Map(); // to Kafka an empty list means all topics
    const { brokers, topicMetadata } = await this.request("Metadata", {
      topics,
      allowAutoTopicCreation: false,
    });
    this.#places.clear();
    for (const { nodeId, host, port } of brokers) this.#places.set(nodeId, { host, port });
    return new Map(
      topicMetadata.filter(({ topicErrorCode }) => topicErrorCode === 0).map((topic) => [topic.topic, topic]),
    );
  }

  /**
   * Resolves when one of the brokers that were named lets us in; asks one after the other.
   * @throws MillwrightError `log-unavailable` of the last one
   */
  async reach(): Promise<void> {
    for (let left = this.#seeds.length; ; left--) {
      try {
        // The topic need not be there. A broker answers less than this, its versions, to whoever has not logged in.
        await this.metadata(["millwright"]);
        return;
      } catch (error) {
        if (left <= 1) throw error;
      }
    }
  }

  /** A broker that another answer has named. */
  meet({
    nodeId,
    host,
    port,
  }: {
    readonly nodeId: number;
    readonly host: string;
    readonly port: number;
  }): void {
    this.#places.set(nodeId, { host, port });
  }

  /** As far as the last metadata told. */
  get brokerCount(): number {
    return this.#places.size;
  }

  /** Requests that are under way fail. */
  async close(): Promise<void> {
    const brokers = [...this.#brokers.values()];
    this.#brokers.clear();
    await Promise.all(brokers.map((broker) => abandon(broker, unavailable("The connection was closed."))));
  }

  async #brokerAt(key: string, place: { host: string; port: number }): Promise<Broker> {
    const known = this.#brokers.get(key);
    if (known !== undefined) return known;
    const connectionPool = await this.#connection(place);
    // another request may have come first while this one waited
    const broker =
      this.#brokers.get(key) ??
      new Broker({ connectionPool, logger: this.#logger, authenticationTimeout: REQUEST_TIMEOUT_MS });
    this.#brokers.set(key, broker);
    return broker;
  }

  async #connection(place: { host: string; port: number }): Promise<KafkaConnectionPool> {
    const connectionPool = await this.#builder.build(place);
    for (const { requestQueue } of connectionPool.pool) {
      // kafkajs looks for requests that wait for the end of a throttling every millisecond, also when none does
      const check = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
      requestQueue.scheduleCheckPendingRequests = () => {
        if (requestQueue.pending.length > 0) check();
      };
    }
    return connectionPool;
  }

  #anyPlace(): { readonly host: string; readonly port: number } | undefined {
    const places = [...this.#places.values(), ...this.#seeds];
    const connected = places.find(({ host, port }) => this.#brokers.has(`${host}:${port}`));
    return connected ?? places[this.#seedTurn++ % places.length];
  }
}

/**
 * Ends both connections, and fails what is under way on them. kafkajs would wait for the answers, look at no time-out any
 * more, and pass over the end of the connection: whoever waits for a broker that died just then would wait for ever.
 */
async function abandon(broker: Broker, reason: unknown): Promise<void> {
  for (const { requestQueue } of broker.connectionPool.pool) requestQueue.rejectAll(reason);
  await broker.disconnect().catch(() => undefined);
}

export function unavailable(message: string, cause?: unknown): MillwrightError {
  return new MillwrightError("log-unavailable", message, { retryable: true, cause });
}

/** @throws MillwrightError for a code other than 0 */
export function refuseError(code: number, what: string): void {
  const name = errorName(code);
  if (name === undefined) return;
  if (name === "UNKNOWN_TOPIC_OR_PARTITION") throw topicUnknown(what);
  throw unavailable(`Kafka refuses ${what}: ${name}.`);
}

export function topicUnknown(what: string): MillwrightError {
  return new MillwrightError("topic-unknown", `The log has no ${what}.`);
}
