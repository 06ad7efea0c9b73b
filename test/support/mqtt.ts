import { connect as connectSocket, type Socket } from "node:net";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { pino } from "pino";
import { Registry } from "prom-client";
import { MqttMetrics } from "../../automation/mqtt/metrics.ts";
import { serveMqtt, type MqttOptions, type MqttServer } from "../../automation/mqtt/server.ts";
import type { EventLog, LogRecord } from "../../data/event-log/event-log.ts";
import { topicName, type TopicKind } from "../../model/tenant.ts";
import { SHARED_READINGS } from "../../model/topic-name.ts";
import { TestApi } from "./api.ts";
import { testLog } from "./log.ts";

export const VERSIONS = [
  { version: 4, name: "MQTT 3.1.1" },
  { version: 5, name: "MQTT 5" },
] as const;

/** The MQTT entrance (and the API beside it) on a real catalog and a real log. */
export class TestEntrance {
  readonly api: TestApi;
  readonly log: EventLog;
  readonly registry = new Registry();
  readonly logged: string[] = [];
  #server: MqttServer | undefined;
  #clients: (() => void)[] = [];

  private constructor(api: TestApi, log: EventLog) {
    this.api = api;
    this.log = log;
  }

  /** @param appendOf - stands between the entrance and the log */
  static async start(
    options: Partial<MqttOptions> = {},
    appendOf: (log: EventLog) => EventLog["append"] = (log) => log.append,
  ): Promise<TestEntrance> {
    const { log } = await testLog();
    const append = appendOf(log);
    const api = await TestApi.start({ log: { append }, nowMs: Date.now });
    const entrance = new TestEntrance(api, log);
    const logger = pino({ level: "debug" }, { write: (line: string) => void entrance.logged.push(line) });
    const { catalog, tokens } = api;
    const metrics = new MqttMetrics(entrance.registry);
    const services = { catalog, tokens, metrics, logger };
    entrance.#server = await serveMqtt(
      { ...services, log: { append }, nowMs: Date.now },
      { port: 0, ...options },
    );
    return entrance;
  }

  get url(): string {
    return this.#server?.url ?? "";
  }

  async tenant(id: string, kind: TopicKind = "own"): Promise<void> {
    const tenant = await this.api.tenant(id, kind);
    await this.log.createTopic(kind === "own" ? topicName(tenant, "readings", 1) : SHARED_READINGS.topic, 2);
  }

  /** A key of one machine, made as people make it. */
  async machineKey(
    tenant: string,
    machineId: string,
  ): Promise<{ readonly id: string; readonly secret: string }> {
    const body = { role: "machine", label: machineId, machineId };
    return (await this.api.call("POST", `/v1/tenants/${tenant}/keys`, body)).body.key;
  }

  /** A client of the usual library; rejects when it is not let in. */
  async client(version: 4 | 5, password: string, more: IClientOptions = {}): Promise<MqttClient> {
    const options = { protocolVersion: version, username: "device", password, reconnectPeriod: 0, ...more };
    const client = await connectAsync(this.url, options, false);
    client.on("error", () => undefined);
    this.#clients.push(() => client.end(true));
    return client;
  }

  /** A bare connection; `closed` resolves with all that came when the other end has closed it. */
  socket(): { readonly socket: Socket; readonly closed: Promise<Buffer> } {
    const socket = connectSocket(Number(new URL(this.url).port), "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => undefined);
    this.#clients.push(() => socket.destroy());
    const closed = new Promise<Buffer>((resolve) =>
      socket.once("close", () => resolve(Buffer.concat(chunks))),
    );
    return { socket, closed };
  }

  /** All that the log has of a tenant, partition by partition, in order. */
  async records(tenant: string, topic = `${tenant}.readings.g1`): Promise<readonly LogRecord[]> {
    const records: LogRecord[] = [];
    for (const partition of [0, 1]) {
      const { end } = await this.log.bounds({ topic, partition });
      if (end === 0n) continue;
      const byOffset = new Map<bigint, LogRecord>(); // a consumer may be given a record twice
      const done = new AbortController();
      await this.log.consume(
        {
          group: `test-${partition}`,
          topics: () => Promise.resolve([topic]),
          position: (asked) => Promise.resolve(asked.partition === partition ? 0n : end),
          handle: (batch) => {
            for (const record of batch)
              if (record.partition === partition) byOffset.set(record.offset, record);
            if (byOffset.has(end - 1n)) done.abort();
            return Promise.resolve([]);
          },
          outOfRange: () => undefined,
        },
        done.signal,
      );
      records.push(...[...byOffset.values()].sort((a, b) => Number(a.offset - b.offset)));
    }
    return records;
  }

  /** Readings that the log has of a tenant, in the order of each machine. */
  async readings(tenant: string) {
    const taken = (await this.records(tenant)).filter(({ headers }) => headers["refused"] === undefined);
    return taken.flatMap(
      ({ value }) => JSON.parse(value.toString()) as { machineId: string; values: object }[],
    );
  }

  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = this.registry.getSingleMetric(name);
    const { values } = (await metric?.get()) ?? { values: [] };
    const isAsked = (found: object) =>
      Object.entries(labels).every(([key, value]) => found[key as never] === value);
    return values.filter((value) => isAsked(value.labels)).reduce((sum, { value }) => sum + value, 0);
  }

  /** Cuts every client's connection. */
  hangUp(): void {
    for (const cut of this.#clients) cut();
    this.#clients = [];
  }

  /** Ends the entrance as the service does when it stops. */
  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async close(): Promise<void> {
    this.hangUp();
    await this.stop();
    await this.api.close();
    await this.log.close();
  }
}
