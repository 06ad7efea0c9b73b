import { openEmbeddedLog, prepareEmbeddedLog, type EmbeddedLog } from "../../data/event-log/embedded-log.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { testDatabase } from "./postgres.ts";
import { kafkaBrokers, startKafka, usesRealServices } from "./real-services.ts";

export const LOG_PASSWORD = "log-test";

export interface TestLog {
  readonly log: EventLog;
  /** Of Kafka, for another process to find it. */
  readonly kafkaBrokers?: readonly string[];
}

/**
 * An empty log: in a run on real services on Kafka, a broker of its own or the outer one; otherwise embedded, in a database of its own
 * or in `admin`'s. Close it with `log.close()`.
 */
export async function testLog(admin?: DatabaseAddress): Promise<TestLog> {
  if (!usesRealServices) return testEmbeddedLog(admin);
  if (kafkaBrokers !== undefined)
    return { log: emptyingLog(kafkaBrokers), kafkaBrokers: kafkaBrokers.split(",") };
  const { brokers, server } = await startKafka();
  const log = openKafka(brokers);
  const close = async () => {
    await log.close();
    await server.remove();
  };
  return { log: { ...log, close }, kafkaBrokers: brokers.split(",") };
}

const openKafka = (brokers: string) =>
  openKafkaLog({ brokers: brokers.split(",") }, { clientId: "test", replicationFactor: 1 });

/** On a broker that outlives the suite: a topic that an earlier suite has left is emptied. */
function emptyingLog(brokers: string): EventLog {
  const log = openKafka(brokers);
  return {
    ...log,
    async createTopic(...topic) {
      await log.dropTopic(topic[0]);
      await log.createTopic(...topic);
    },
  };
}

/** A migrated embedded log in a database of its own, or in `admin`'s. */
export async function testEmbeddedLog(
  admin?: DatabaseAddress,
): Promise<{ log: EmbeddedLog; admin: DatabaseAddress }> {
  const place = admin ?? (await testDatabase());
  await prepareEmbeddedLog(place, LOG_PASSWORD);
  return { log: openEmbeddedLog(place, LOG_PASSWORD, "test"), admin: place };
}
