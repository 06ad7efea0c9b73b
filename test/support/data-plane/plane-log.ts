import { openEmbeddedLog, prepareEmbeddedLog } from "../../../data/event-log/embedded-log.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import type { KafkaSecret } from "../../../data/event-log/kafka/secret.ts";
import type { ServerProcess } from "../../../automation/services/server-process.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import {
  embeddedEnds,
  kafkaEnds,
  readEmbeddedLog,
  readKafkaLog,
  type LogEntry,
  type PartitionEnd,
} from "../../checker/log-entries.ts";
import { startKafka } from "../real-services.ts";
import type { DatabaseServer } from "./database-server.ts";

/** The log of a plane. Producers write to it where a test can break it; the checker reads past what is broken. */
export interface PlaneLog {
  /** For a producer of its own: close it after use. */
  readonly open: (clientId: string) => EventLog;
  /** All records of a topic from `starts` on, which are by partition, in offset order within each. */
  readonly entries: (topic: string, starts?: readonly bigint[]) => Promise<LogEntry[]>;
  readonly ends: (topics: readonly string[]) => Promise<PartitionEnd[]>;
  /** What the hosts are given to find it; undefined: the log lies in the catalog's server. */
  readonly kafka?: { readonly secret: KafkaSecret; readonly broker: ServerProcess };
}

/** In the catalog's server, and cut off with it. */
export async function embeddedPlaneLog(
  server: DatabaseServer,
  admin: DatabaseAddress,
  password: string,
): Promise<PlaneLog> {
  await prepareEmbeddedLog(admin, password);
  return {
    open: (clientId) => openEmbeddedLog({ ...admin, port: server.proxy.port }, password, clientId),
    entries: (topic, starts) => readEmbeddedLog(admin, topic, starts),
    ends: (topics) => embeddedEnds(admin, topics),
  };
}

/** On a broker of its own. @param folder - absolute, made here */
export async function kafkaPlaneLog(folder: string): Promise<PlaneLog> {
  const { brokers: address, server: broker } = await startKafka({ folder });
  const brokers = [address];
  return {
    open: (clientId) => openKafkaLog({ brokers }, { clientId, replicationFactor: 1 }),
    entries: (topic, starts) => readKafkaLog(brokers, topic, starts),
    ends: (topics) => kafkaEnds(brokers, topics),
    kafka: { secret: { brokers, replicationFactor: 1 }, broker },
  };
}
