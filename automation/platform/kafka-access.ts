import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type pg from "pg";
import { readingsTopics } from "../../data/catalog/topic.ts";
import { kafkaSecret, mskRegion, type KafkaSecret } from "../../data/event-log/kafka/secret.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { KafkaSettings } from "../../model/kafka-settings.ts";

const SECRET = "kafka";

/**
 * Keeps as a secret how to reach Kafka, for the handler host too: no password travels in an environment or on a command
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
    throw invalid(message);
  }
  if (settings === undefined) {
    await secrets.remove(SECRET);
    return undefined;
  }
  const secret = await kafkaSecretOf(settings);
  await secrets.put(SECRET, secret);
  return secret;
}

/**
 * The settings with what their files hold.
 * @throws MillwrightError `setting-invalid` that names the file
 */
export async function kafkaSecretOf({
  brokers,
  tls,
  sasl,
  replicationFactor,
}: KafkaSettings): Promise<KafkaSecret> {
  const ca = tls?.caFile === undefined ? undefined : await certificateOf("KAFKA_TLS_CA_FILE", tls.caFile);
  return {
    brokers: [...brokers],
    ...(tls === undefined ? {} : { tls: ca === undefined ? {} : { ca } }),
    ...(sasl === undefined ? {} : { sasl: await loginOf(sasl, brokers) }),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  };
}

async function loginOf(sasl: NonNullable<KafkaSettings["sasl"]>, brokers: readonly string[]) {
  if (sasl.mechanism !== "aws-msk-iam") {
    const { mechanism, username, passwordFile } = sasl;
    const password = (await textOf("KAFKA_SASL_PASSWORD_FILE", passwordFile)).trim();
    if (password === "") throw invalid(`KAFKA_SASL_PASSWORD_FILE: ${passwordFile} is empty`);
    return { mechanism, username, password };
  }
  const region = brokers.map(mskRegion).find((found) => found !== undefined);
  if (region !== undefined) return { mechanism: sasl.mechanism, region };
  throw invalid(
    "KAFKA_SASL_MECHANISM: aws-msk-iam is for brokers of Amazon MSK, whose names end in kafka.REGION.amazonaws.com",
  );
}

async function certificateOf(setting: string, file: string): Promise<string> {
  const text = await textOf(setting, file);
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw invalid(`${setting}: ${file} holds no certificate in PEM`, cause);
  }
  return text;
}

async function textOf(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw invalid(`${setting}: ${file} cannot be read (${reason})`, cause);
  }
}

function invalid(what: string, cause?: unknown): MillwrightError {
  return new MillwrightError("setting-invalid", `Cannot start with these settings. ${what}.`, { cause });
}
