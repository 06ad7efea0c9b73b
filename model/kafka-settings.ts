import * as z from "zod";

/** A broker: `host:port`. IPv6 addresses stand in brackets nowhere in Kafka's own tools, and not here. */
const broker = /^[A-Za-z0-9._-]+:\d{1,5}$/;

/** The settings of the environment that lead to Kafka. */
export const kafkaVariables = {
  KAFKA_BROKERS: z
    .string()
    .transform((list) => list.split(",").map((address) => address.trim()))
    .pipe(z.array(z.string().regex(broker, "must be a list of host:port, separated by commas")).min(1))
    .optional(),
  KAFKA_TLS: z.enum(["true", "false"]).default("false"),
  KAFKA_TLS_CA_FILE: z.string().optional(),
  KAFKA_SASL_MECHANISM: z.enum(["plain", "scram-sha-256", "scram-sha-512", "aws-msk-iam"]).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD_FILE: z.string().optional(),
  KAFKA_REPLICATION_FACTOR: z
    .string()
    .regex(/^[1-9]\d?$/, "must be a whole number from 1 to 99")
    .transform(Number)
    .optional(),
  KAFKA_WRITERS: z
    .string()
    .transform((list) => list.split(",").map((user) => user.trim()))
    .pipe(z.array(z.string().regex(/^[\w.-]+$/, "must be a list of user names, separated by commas")))
    .optional(),
};

type KafkaVariables = z.infer<z.ZodObject<typeof kafkaVariables>>;

/** How to reach Kafka, as far as the environment says it; the password is still in its file. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  /** undefined: no TLS. `caFile`: who signs the brokers' certificates, when it is nobody whom all trust. */
  readonly tls: { readonly caFile: string | undefined } | undefined;
  readonly sasl:
    | { readonly mechanism: "aws-msk-iam" }
    | {
        readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
        readonly username: string;
        readonly passwordFile: string;
      }
    | undefined;
  /** undefined: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined;
  /** Users that may write into topics: entrances with a login of their own. */
  readonly writers: readonly string[];
}

/** What does not fit together: `NAME: why`, one for each. */
export function kafkaContradictions(variables: KafkaVariables): string[] {
  const { KAFKA_BROKERS: brokers, KAFKA_TLS: tls, KAFKA_SASL_MECHANISM: mechanism } = variables;
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD_FILE: passwordFile } = variables;
  if (brokers === undefined) {
    const given = { ...variables, KAFKA_TLS: tls === "true" || undefined };
    const names = Object.keys(kafkaVariables) as (keyof KafkaVariables)[];
    return names
      .filter((name) => given[name] !== undefined)
      .map((name) => `${name}: has no effect without KAFKA_BROKERS`);
  }
  const wrong: string[] = [];
  const isOpen = tls === "false" && !brokers.every((address) => /^(127\.|localhost:)/.test(address));
  if (variables.KAFKA_TLS_CA_FILE !== undefined && tls === "false")
    wrong.push("KAFKA_TLS_CA_FILE: has no effect without KAFKA_TLS=true");
  const needsPassword = mechanism !== undefined && mechanism !== "aws-msk-iam";
  for (const [name, value] of Object.entries({
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD_FILE: passwordFile,
  })) {
    if (needsPassword && value === undefined) wrong.push(`${name}: is needed for ${mechanism}`);
    if (!needsPassword && value !== undefined)
      wrong.push(`${name}: has no effect with this KAFKA_SASL_MECHANISM`);
  }
  if (mechanism === "plain" && isOpen)
    wrong.push("KAFKA_SASL_MECHANISM: plain would send the password readable; set KAFKA_TLS=true");
  if (mechanism === "aws-msk-iam" && tls === "false") wrong.push("KAFKA_TLS: aws-msk-iam needs true");
  return wrong;
}

/** undefined: no Kafka. The variables contradict themselves nowhere ({@link kafkaContradictions}). */
export function kafkaSettings(variables: KafkaVariables): KafkaSettings | undefined {
  const { KAFKA_BROKERS: brokers, KAFKA_SASL_MECHANISM: mechanism } = variables;
  if (brokers === undefined) return undefined;
  const { KAFKA_SASL_USERNAME: username = "", KAFKA_SASL_PASSWORD_FILE: passwordFile = "" } = variables;
  const login = () =>
    mechanism === "aws-msk-iam" || mechanism === undefined
      ? undefined
      : { mechanism, username, passwordFile };
  return {
    brokers,
    tls: variables.KAFKA_TLS === "true" ? { caFile: variables.KAFKA_TLS_CA_FILE } : undefined,
    sasl: mechanism === "aws-msk-iam" ? { mechanism } : login(),
    replicationFactor: variables.KAFKA_REPLICATION_FACTOR,
    writers: variables.KAFKA_WRITERS ?? [],
  };
}
