import * as z from "zod";
import type { AwsAccount } from "./data/aws/ask-aws.ts";
import { awsRegion } from "./model/aws/region.ts";
import { MillwrightError } from "./model/errors.ts";
import {
  kafkaContradictions,
  kafkaSettings,
  kafkaVariables,
  type KafkaSettings,
} from "./model/kafka-settings.ts";
import { notifyContradictions, notifySettings, notifyVariables } from "./model/notify-settings.ts";

/** Settings of functions on Lambda, parsed once, at the start. Apart from environment.ts, so that a function loads no settings but its own. */

const functionSchema = z.object({
  CATALOG_SECRET: z.string().min(1),
  AWS_REGION: awsRegion,
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/ }).optional(),
  AWS_ACCESS_KEY_ID: z.string().min(1),
  AWS_SECRET_ACCESS_KEY: z.string().min(1),
  AWS_SESSION_TOKEN: z.string().min(1).optional(),
});
const alertFunctionSchema = functionSchema.extend(kafkaVariables);
const ingestFunctionSchema = alertFunctionSchema.extend({
  CELL: z.string().min(1),
  CELL_SECRET: z.string().min(1),
});
const notifyFunctionSchema = functionSchema.extend({
  ...notifyVariables,
  CHANNEL_KEY_SECRET: z.string().min(1),
});

/** What every function on Lambda is given: where its secrets are, as ARNs, and who it is there. */
interface FunctionSettings {
  readonly catalogSecret: string;
  readonly secretsManager: AwsAccount;
}

/** Settings of the alert function on Lambda: the catalog's service login, and Kafka, to read what a delivery lacks. */
export function readAlertEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const data = parseFunction(alertFunctionSchema, env);
  return { ...functionSettings(data), kafka: kafkaOf(data) };
}

/** Settings of the ingest function on Lambda: as {@link readAlertEnvironment}, and one cell, as its ingest login. */
export function readIngestEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const data = parseFunction(ingestFunctionSchema, env);
  const { CELL: cell, CELL_SECRET: cellSecret } = data;
  return { ...functionSettings(data), cell, cellSecret, kafka: kafkaOf(data) };
}

/** Settings of the notify function on Lambda: the catalog, the key of the channels' secrets, and the ways to send. */
export function readNotifyEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const data = parseFunction(notifyFunctionSchema, env);
  const wrong = notifyContradictions(data);
  if (wrong.length > 0)
    throw new MillwrightError("setting-invalid", `Cannot start with these settings. ${wrong.join("; ")}.`);
  return {
    ...functionSettings(data),
    channelKeySecret: data.CHANNEL_KEY_SECRET,
    notify: notifySettings(data),
  };
}

function functionSettings(data: z.infer<typeof functionSchema>): FunctionSettings {
  return {
    catalogSecret: data.CATALOG_SECRET,
    secretsManager: {
      region: data.AWS_REGION,
      endpoint: data.AWS_ENDPOINT_URL,
      credentials: () =>
        Promise.resolve({
          accessKeyId: data.AWS_ACCESS_KEY_ID,
          secretAccessKey: data.AWS_SECRET_ACCESS_KEY,
          sessionToken: data.AWS_SESSION_TOKEN,
        }),
    },
  };
}

function parseFunction<Schema extends z.ZodType>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map(({ path: [name] }) => String(name)).join(", ");
  throw new MillwrightError("setting-invalid", `Missing or malformed: ${names}.`);
}

function kafkaOf(data: z.infer<z.ZodObject<typeof kafkaVariables>>): KafkaSettings {
  const kafka = kafkaSettings(data);
  const wrong = kafka === undefined ? ["KAFKA_BROKERS: is missing"] : kafkaContradictions(data);
  if (kafka !== undefined && wrong.length === 0) return kafka;
  throw new MillwrightError("setting-invalid", `Cannot start with these settings. ${wrong.join("; ")}.`);
}
