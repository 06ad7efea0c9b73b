import { randomUUID } from "node:crypto";
import path from "node:path";
import * as z from "zod";
import type { AwsAccess } from "./data/open-secret-store.ts";
import { MillwrightError } from "./model/errors.ts";
import { awsPlatformSettings } from "./model/aws/platform-settings.ts";
import {
  notifyContradictions,
  notifySettings,
  notifyVariables,
  type NotifySettings,
} from "./model/notify-settings.ts";
import { FLOOD } from "./model/incident.ts";
import {
  kafkaContradictions,
  kafkaSettings,
  kafkaVariables,
  type KafkaSettings,
} from "./model/kafka-settings.ts";
import { TOPIC_KINDS, type TopicKind } from "./model/tenant.ts";
import { HOUR_MS } from "./model/duration.ts";
import { budgetUsd, ENVIRONMENT_BUDGET_USD } from "./model/policy/facts.ts";
import { LOG_RETENTION_MS } from "./model/tenant-log.ts";
import { BAD_ESCAPE, hasReadableLogin } from "./model/url-login.ts";

/**
 * The only module that reads `process.env`, but for what functions on Lambda are told (function-environment.ts): settings
 * are parsed once, at the start, and passed down.
 */

const databaseUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
  .refine(hasReadableLogin, BAD_ESCAPE);
const port = z
  .string()
  .refine(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    "must be a whole number from 0 to 65535",
  )
  .transform(Number);

/** Less than what the log keeps: a home that has been left follows it for so long. */
const MAX_GRACE_HOURS = LOG_RETENTION_MS / HOUR_MS - 24;

const awsPlatform = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: "custom", message: "must be JSON" });
      return z.NEVER;
    }
  })
  .pipe(awsPlatformSettings);

const settingsSchema = z.object({
  ...notifyVariables,
  MILLWRIGHT_AWS: awsPlatform.optional(),
  HOST: z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1"),
  PORT: port.default(8080),
  MQTT_PORT: port.optional(),
  MQTT_TLS_CERT: z.string().min(1).optional(),
  MQTT_TLS_KEY: z.string().min(1).optional(),
  MILLWRIGHT_HOME: z.string().min(1).default("./.millwright"),
  MILLWRIGHT_INTAKE_BUFFER_BYTES: z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number of bytes")
    .default("0")
    .transform(Number),
  MILLWRIGHT_PRIVATE_WEBHOOKS: z.enum(["allow", "refuse"]).optional(),
  MILLWRIGHT_FLOOD_ALERTS: z.coerce.number().int().min(1).max(1_000_000).default(FLOOD.alertCount),
  MILLWRIGHT_MOVE_GRACE_HOURS: z.coerce.number().min(0).max(MAX_GRACE_HOURS).default(24),
  MILLWRIGHT_DRIFT_HOUR: z
    .string()
    .regex(/^([01]?\d|2[0-3])$/, "must be an hour of the day, 0 to 23")
    .default("2")
    .transform(Number),
  MILLWRIGHT_ENVIRONMENT_BUDGET_USD: z.coerce.number().pipe(budgetUsd).optional(),
  MILLWRIGHT_CORS_ORIGINS: z
    .string()
    .default("")
    .transform((list) => list.split(",").filter((origin) => origin !== ""))
    .pipe(
      z.array(
        z.string().regex(/^https?:\/\/[^/\s,*]+$/, "must be origins such as https://console.example.com"),
      ),
    ),
  MILLWRIGHT_BEHIND_GATEWAY: z.enum(["true", "false"]).default("false"),
  MILLWRIGHT_TENANT_TOPIC: z.enum(TOPIC_KINDS).default("own"),
  CATALOG_URL: databaseUrl.optional(),
  TIMESCALE_URL: databaseUrl.optional(),
  TIMESCALE_CELL_URLS: z
    .string()
    .optional()
    .transform(
      (list) =>
        list
          ?.split(",")
          .map((url) => url.trim())
          .filter(Boolean) ?? [],
    )
    .pipe(z.array(databaseUrl)),
  ...kafkaVariables,
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

/** Settings of the service, the handler host and the command line. */
export interface Settings {
  /** Of a control plane on AWS; undefined on every other machine. */
  readonly aws: AwsAccess | undefined;
  /** Address that the API listens on. */
  readonly host: string;
  readonly port: number;
  readonly mqtt: {
    /** undefined: MQTT's own, or any free one where that is taken */
    readonly port: number | undefined;
    /** Files in PEM. With them the entrance listens on every address, without them on loopback only. */
    readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  };
  /** Absolute folder of databases, state, archive and token. */
  readonly home: string;
  /** Room on disk for what comes while the log is away; 0: it is refused. */
  readonly intakeBufferBytes: number;
  readonly privateWebhooks: "allow" | "refuse" | "loopback-only";
  readonly notify: NotifySettings;
  /** More alerts than this of one machine or one rule within a minute are one incident. */
  readonly floodAlertCount: number;
  /** How long a tenant can be moved back. */
  readonly moveGraceMs: number;
  /** When the stacks are compared with what is there, in UTC. */
  readonly driftHour: number;
  /** What everything may cost in a month: who runs the platform hears when it does, or will. */
  readonly environmentBudgetUsd: number;
  readonly web: {
    /** Whose pages may call the API. */
    readonly corsOrigins: readonly string[];
    /** Every call from outside comes through API Gateway, which says whose it is. */
    readonly isBehindGateway: boolean;
  };
  /** Of tenants whose create does not say: a topic of their own, or a part of the shared one. */
  readonly tenantTopic: TopicKind;
  readonly catalogUrl: string | undefined;
  readonly timescaleUrl: string | undefined;
  readonly timescaleCellUrls: readonly string[];
  /** undefined: the embedded log. */
  readonly kafka: KafkaSettings | undefined;
  readonly logLevel: string;
}

const KNOWN_OTHERS = new Set(["MILLWRIGHT_TOKEN", "MILLWRIGHT_URL"]); // read by the command line

/**
 * @throws MillwrightError `setting-invalid` that names each wrong setting: a typing error must not start a platform
 *   with a default in its place
 */
export function readSettings(env: Readonly<Record<string, string | undefined>> = process.env): Settings {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = settingsSchema.safeParse(present);
  const unknown = Object.keys(present).filter(
    (name) => name.startsWith("MILLWRIGHT_") && !(name in settingsSchema.shape) && !KNOWN_OTHERS.has(name),
  );
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map(({ path: [name, ...rest], message }) => {
        const inside = rest.length === 0 ? "" : `${rest.join(".")} `;
        return `${String(name)}: ${inside}${message}`;
      });
  if ((present["MQTT_TLS_CERT"] === undefined) !== (present["MQTT_TLS_KEY"] === undefined))
    wrong.push("MQTT_TLS_CERT: goes with MQTT_TLS_KEY; give both or neither");
  wrong.push(...unknown.map((name) => `${name}: there is no such setting`));
  if (parsed.success) wrong.push(...contradictions(parsed.data));
  if (wrong.length > 0 || !parsed.success) {
    const fields = wrong.map((message) => ({ pointer: `/${message.split(":")[0] ?? ""}`, message }));
    throw new MillwrightError("setting-invalid", `Cannot start with these settings. ${wrong.join("; ")}.`, {
      fields,
    });
  }
  const { data } = parsed;
  const { MQTT_TLS_CERT: certFile, MQTT_TLS_KEY: keyFile } = data;
  return {
    aws: data.MILLWRIGHT_AWS && { ...data.MILLWRIGHT_AWS, endpoint: data.AWS_ENDPOINT_URL },
    host: data.HOST,
    port: data.PORT,
    mqtt: {
      port: data.MQTT_PORT ?? (data.PORT === 0 ? 0 : undefined),
      tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    },
    home: path.resolve(data.MILLWRIGHT_HOME),
    intakeBufferBytes: data.MILLWRIGHT_INTAKE_BUFFER_BYTES,
    privateWebhooks: data.MILLWRIGHT_PRIVATE_WEBHOOKS ?? "loopback-only",
    notify: notifySettings(data),
    floodAlertCount: data.MILLWRIGHT_FLOOD_ALERTS,
    moveGraceMs: data.MILLWRIGHT_MOVE_GRACE_HOURS * HOUR_MS,
    driftHour: data.MILLWRIGHT_DRIFT_HOUR,
    environmentBudgetUsd:
      data.MILLWRIGHT_AWS?.environmentBudgetUsdPerMonth ??
      data.MILLWRIGHT_ENVIRONMENT_BUDGET_USD ??
      ENVIRONMENT_BUDGET_USD,
    web: {
      corsOrigins: data.MILLWRIGHT_CORS_ORIGINS,
      isBehindGateway: data.MILLWRIGHT_BEHIND_GATEWAY === "true",
    },
    tenantTopic: data.MILLWRIGHT_TENANT_TOPIC,
    catalogUrl: data.CATALOG_URL,
    timescaleUrl: data.TIMESCALE_URL,
    timescaleCellUrls: data.TIMESCALE_CELL_URLS,
    kafka: kafkaSettings(data),
    logLevel: data.LOG_LEVEL,
  };
}

function contradictions(data: z.infer<typeof settingsSchema>): string[] {
  return [...notifyContradictions(data), ...awsContradictions(data), ...kafkaContradictions(data)];
}

/** On AWS databases and log are the stack's, and nothing of the platform may lie on the task's own disk. */
function awsContradictions(data: z.infer<typeof settingsSchema>): string[] {
  if (data.MILLWRIGHT_AWS === undefined) return [];
  const given = Object.entries({
    CATALOG_URL: data.CATALOG_URL !== undefined,
    TIMESCALE_URL: data.TIMESCALE_URL !== undefined,
    TIMESCALE_CELL_URLS: data.TIMESCALE_CELL_URLS.length > 0,
    MILLWRIGHT_INTAKE_BUFFER_BYTES: data.MILLWRIGHT_INTAKE_BUFFER_BYTES > 0,
    // The gate's budget and the one that is watched are the same there: the platform stack's.
    MILLWRIGHT_ENVIRONMENT_BUDGET_USD: data.MILLWRIGHT_ENVIRONMENT_BUDGET_USD !== undefined,
  });
  return [
    ...given.flatMap(([name, isGiven]) => (isGiven ? [`${name}: has no effect with MILLWRIGHT_AWS`] : [])),
    ...(data.KAFKA_BROKERS === undefined ? ["KAFKA_BROKERS: is needed with MILLWRIGHT_AWS"] : []),
  ];
}

/** What the handler host needs to send, and AWS's own variables where it sends or logs in to Kafka by them. */
export function hostEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const usesAws =
    env["MILLWRIGHT_AWS"] !== undefined ||
    [env["SES_REGION"], env["SNS_REGION"]].some((region) => region !== undefined && region !== "") ||
    env["KAFKA_SASL_MECHANISM"] === "aws-msk-iam";
  const passed = new Set([
    ...Object.keys(notifyVariables),
    ...(env["MILLWRIGHT_AWS"] === undefined ? [] : ["MILLWRIGHT_AWS", ...Object.keys(kafkaVariables)]),
  ]);
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && (passed.has(name) || (usesAws && isOfAws(name))) ? [[name, value]] : [],
    ),
  );
}

/** Region, credentials and where to get them: Amazon's SDKs, Pulumi's and Kafka's login all find them there. */
const isOfAws = (name: string) => name.startsWith("AWS_") || name.startsWith("ECS_CONTAINER_METADATA_URI");

/** What the engine's processes of a control plane on AWS inherit besides {@link inheritedEnvironment}. */
export function awsEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && isOfAws(name) ? [[name, value]] : [],
    ),
  );
}

/** Where the command line finds the service, when it is not told by a flag. */
export function readClientSettings(env: Readonly<Record<string, string | undefined>> = process.env) {
  return { url: env["MILLWRIGHT_URL"], token: env["MILLWRIGHT_TOKEN"] };
}

/** The variables that child processes of ours need of their parent's; nothing else is passed on, so no secret leaks. */
export function inheritedEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const names = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "GOPROXY",
    "GOFLAGS",
    "GONOSUMDB",
    "GOSUMDB",
    "GOPATH",
    "GOMODCACHE",
    "GOCACHE",
    "GOTOOLCHAIN",
    "NODE_EXTRA_CA_CERTS",
  ];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** The whole environment, for a program that a person runs through us: their terminal, editor and credentials. */
export function shellEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * Settings of tests. `SEED`: `MILLWRIGHT_SEED` would be no setting of the service. `SERVICES=real`: the data plane stands
 * on Kafka and TimescaleDB, those of `KAFKA_BROKERS` and `TIMESCALE_URL` where these are set. `DOCS=write`: generated
 * documents are written, not compared.
 */
export function readTestEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  return {
    seed: env["SEED"],
    isCi: env["CI"] === "true",
    faults: env["FAULTS"],
    usesRealServices: env["SERVICES"] === "real",
    writesDocuments: env["DOCS"] === "write",
    kafkaBrokers: env["KAFKA_BROKERS"],
    timescaleUrl: env["TIMESCALE_URL"],
    runId: randomUUID().slice(0, 8),
  };
}
