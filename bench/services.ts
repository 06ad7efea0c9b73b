import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { CellSecret } from "../data/cell/cell-secret.ts";
import { openEmbeddedLog, prepareEmbeddedLog } from "../data/event-log/embedded-log.ts";
import type { EventLog } from "../data/event-log/event-log.ts";
import { openKafkaLog } from "../data/event-log/kafka/kafka-log.ts";
import type { DatabaseAddress } from "../data/pool.ts";
import { prepareTestCell } from "../test/support/cell.ts";
import { mochaHooks, testDatabase } from "../test/support/postgres.ts";
import { startKafka, startTimescale } from "../test/support/real-services.ts";

/** What a benchmark stands on; both are durable: nothing is acknowledged before it is on disk. */
export type ServiceKind = "embedded" | "real";

/** How another process gets to the log. */
export type LogPlace =
  | { readonly kind: "kafka"; readonly brokers: string }
  | { readonly kind: "embedded"; readonly database: DatabaseAddress };

export interface Services {
  readonly kind: ServiceKind;
  /** For the context of the figures. */
  readonly title: string;
  readonly log: LogPlace;
  /** A prepared cell without tenants. */
  readonly cell: CellSecret;
  readonly close: () => Promise<void>;
}

const LOG_PASSWORD = "log-bench";

export async function startServices(kind: ServiceKind): Promise<Services> {
  return kind === "real" ? startReal() : startEmbedded();
}

/** Fetches of several consumers of one process, as the host has them, share nothing but this. */
export function openLog(place: LogPlace, clientId: string, onError: (error: unknown) => void): EventLog {
  return place.kind === "kafka"
    ? openKafkaLog({ brokers: place.brokers.split(",") }, { clientId, replicationFactor: 1, onError })
    : openEmbeddedLog(place.database, LOG_PASSWORD, clientId, onError);
}

async function startReal(): Promise<Services> {
  const folder = async (name: string) => mkdtemp(path.join(tmpdir(), `millwright-bench-${name}-`));
  const [kafka, timescale] = await Promise.all([
    startKafka({ folder: await folder("kafka") }),
    startTimescale({ folder: await folder("timescale") }),
  ]);
  return {
    kind: "real",
    title: "Kafka and TimescaleDB, durable",
    log: { kind: "kafka", brokers: kafka.brokers },
    cell: await prepareTestCell(timescale.address),
    async close() {
      await Promise.all([kafka.server.remove(), timescale.server.remove()]);
    },
  };
}

async function startEmbedded(): Promise<Services> {
  const database = await testDatabase();
  await prepareEmbeddedLog(database, LOG_PASSWORD);
  return {
    kind: "embedded",
    title: "embedded PostgreSQL and log, durable",
    log: { kind: "embedded", database },
    cell: await prepareTestCell(await testDatabase()),
    close: () => mochaHooks.afterAll(),
  };
}
