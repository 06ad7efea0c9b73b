import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { MillwrightError } from "../../../model/errors.ts";
import type { KafkaSettings } from "../../../model/kafka-settings.ts";
import { mskRegion, type KafkaSecret } from "./secret.ts";

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
