import path from "node:path";
import { kafkaAddress, kafkaSecret, type KafkaSecret } from "../../../data/event-log/kafka/secret.ts";
import { surveyKafka } from "../../../data/event-log/kafka/survey.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { MillwrightError } from "../../../model/errors.ts";
import type { KafkaSettings } from "../../../model/kafka-settings.ts";
import { kafkaSecretOf } from "../../../data/event-log/kafka/read-secret.ts";
import type { Finding } from "./finding.ts";

const CHECK = "log";

/**
 * Which event log the next start takes, and whether Kafka lets us in.
 * @param settings - of this shell; where they name no Kafka, what the last start has kept
 */
export async function checkLog(home: string, settings: KafkaSettings | undefined): Promise<Finding> {
  try {
    const secret = settings === undefined ? await keptSecret(home) : await kafkaSecretOf(settings);
    if (secret === undefined)
      return { check: CHECK, state: "ok", found: "embedded, in the catalog's PostgreSQL" };
    return await checkKafka(secret);
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    const remedy = "docs/kafka.md lists the settings; the brokers must run and be reachable from here";
    return { check: CHECK, state: "wrong", found: error.message, remedy };
  }
}

async function keptSecret(home: string): Promise<KafkaSecret | undefined> {
  return kafkaSecret.optional().parse(await folderSecretStore(path.join(home, "secrets")).get("kafka"));
}

async function checkKafka(secret: KafkaSecret): Promise<Finding> {
  const { brokerCount, isTooOld } = await surveyKafka(kafkaAddress(secret), "millwright-doctor");
  const login = secret.sasl === undefined ? "no login" : `login by ${secret.sasl.mechanism}`;
  const found = `Kafka at ${secret.brokers.join(",")}, ${brokerCount} broker${brokerCount === 1 ? "" : "s"}, ${
    secret.tls === undefined ? "no TLS" : "TLS"
  }, ${login}`;
  if (!isTooOld) return { check: CHECK, state: "ok", found };
  return { check: CHECK, state: "wrong", found: `${found}; older than 2.4`, remedy: "upgrade the brokers" };
}
