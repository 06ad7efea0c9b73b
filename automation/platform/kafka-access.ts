import type pg from "pg";
import { readingsTopics } from "../../data/catalog/topic.ts";
import { kafkaSecretOf } from "../../data/event-log/kafka/read-secret.ts";
import { kafkaAddress, kafkaSecret, type KafkaSecret } from "../../data/event-log/kafka/secret.ts";
import { allowWriters } from "../../data/event-log/kafka/writers.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { KafkaSettings } from "../../model/kafka-settings.ts";

const SECRET = "kafka";

/**
 * Lets in who else writes, and keeps as a secret how to reach Kafka, for the handler host too: no password travels in an environment or on a command
 * line. Without Kafka the secret goes, and everybody takes the embedded log.
 * @throws MillwrightError `setting-invalid`, also when the tenants' topics are in the other kind of log: their stored
 *   positions would be those of topics that this log never had
 */
export async function keepKafkaAccess(
  settings: KafkaSettings | undefined,
  secrets: SecretStore,
  catalog: pg.Pool,
): Promise<KafkaSecret | undefined> {
  const isOnKafka = kafkaSecret.safeParse(await secrets.get(SECRET)).success;
  if (isOnKafka !== (settings !== undefined) && (await readingsTopics(catalog)).length > 0) {
    const message = isOnKafka
      ? "The tenants of this home have their topics on Kafka; set KAFKA_BROKERS as before"
      : "KAFKA_BROKERS: the tenants of this home have their topics in the embedded log; start Kafka with a new MILLWRIGHT_HOME";
    throw new MillwrightError("setting-invalid", `Cannot start with these settings. ${message}.`);
  }
  if (settings === undefined) {
    await secrets.remove(SECRET);
    return undefined;
  }
  const secret = await kafkaSecretOf(settings);
  await secrets.put(SECRET, secret);
  await allowWriters(kafkaAddress(secret), settings.writers);
  return secret;
}
