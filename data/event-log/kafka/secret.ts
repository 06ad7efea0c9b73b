import { generateAuthToken } from "aws-msk-iam-sasl-signer-js";
import type { SASLOptions } from "kafkajs";
import * as z from "zod";
import { unavailable, type KafkaAddress } from "./cluster.ts";

/** How to reach Kafka and who we are there: the secret `kafka`, which service and handler host share. */
export const kafkaSecret = z.strictObject({
  brokers: z.array(z.string()).min(1),
  /** undefined: no TLS. `ca`: PEM of who signs the brokers' certificates. */
  tls: z.strictObject({ ca: z.string().optional() }).optional(),
  sasl: z
    .union([
      z.strictObject({ mechanism: z.literal("aws-msk-iam"), region: z.string() }),
      z.strictObject({
        mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
        username: z.string(),
        password: z.string(),
      }),
    ])
    .optional(),
  replicationFactor: z.int().min(1).optional(),
});
export type KafkaSecret = z.infer<typeof kafkaSecret>;

export function kafkaAddress({ brokers, tls, sasl }: KafkaSecret): KafkaAddress {
  return {
    brokers,
    ...(tls === undefined ? {} : { ssl: tls.ca === undefined ? true : { ca: tls.ca } }),
    ...(sasl === undefined ? {} : { sasl: loginOf(sasl) }),
  };
}

function loginOf(sasl: NonNullable<KafkaSecret["sasl"]>): SASLOptions {
  return sasl.mechanism === "aws-msk-iam" ? awsLogin(sasl.region) : sasl;
}

/** Tokens are signed with the credentials that the AWS SDK finds, and last 15 minutes; kafkajs asks for the next one. */
function awsLogin(region: string): SASLOptions {
  return {
    mechanism: "oauthbearer",
    oauthBearerProvider: async () => {
      try {
        return { value: (await generateAuthToken({ region })).token };
      } catch (cause) {
        throw unavailable("There are no AWS credentials to log in to Kafka with.", cause);
      }
    },
  };
}

/** `b-1.name.abc.c2.kafka.eu-central-1.amazonaws.com:9098` → `eu-central-1`; undefined where it is not MSK */
export function mskRegion(broker: string): string | undefined {
  return /\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:\d+$/.exec(broker)?.[1];
}
