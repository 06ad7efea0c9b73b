import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { install } from "../../automation/services/installation.ts";
import { createKafka, KAFKA, type KafkaServer } from "../../automation/services/kafka.ts";
import type { ServerProcess } from "../../automation/services/server-process.ts";
import { createTimescale, type TimescaleServer } from "../../automation/services/timescale.ts";
import { parseDatabaseUrl, type DatabaseAddress } from "../../data/pool.ts";
import { inheritedEnvironment, readTestEnvironment } from "../../environment.ts";
import { hasCode } from "../../model/errors.ts";
import { skipBecause } from "./skip.ts";

/** Servers of this process; what a suite forgot to remove goes at the end. */
const servers = new Set<ServerProcess>();

const { kafkaBrokers, timescaleUrl, usesRealServices } = readTestEnvironment();
/** Whether cells and log of this run stand on TimescaleDB and Kafka. */
export { kafkaBrokers, usesRealServices };

export interface RealServerOptions {
  /** Where the server keeps everything; a new folder in /tmp when left out. */
  readonly folder?: string;
  /** Lines for server.properties or postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RealKafkaOptions extends RealServerOptions {
  /** As `SCRAM-SHA-512=[name=alice,password=…]`. */
  readonly scramLogins?: readonly string[];
}

/**
 * A Kafka broker of the suite's own, serving: `brokers` to connect, `server` to stop, restart, kill, freeze and remove.
 * Skips the suite with the reason where this machine cannot have one.
 */
export async function realKafka(
  context: Mocha.Context,
  options: RealKafkaOptions = {},
): Promise<KafkaServer> {
  return orSkip(context, "kafka", () => startKafka(options));
}

/** The same for a TimescaleDB cluster; `address` is its superuser's. Several of them cost 40 MB each. */
export async function realTimescale(
  context: Mocha.Context,
  options: RealServerOptions = {},
): Promise<TimescaleServer> {
  return orSkip(context, "timescaledb", () => startTimescale(options));
}

let shared: Promise<DatabaseAddress> | undefined;

/** One TimescaleDB for all cells of this process that need no server of their own: the outer one, or one of ours. */
export async function sharedTimescale(): Promise<DatabaseAddress> {
  if (timescaleUrl !== undefined) return parseDatabaseUrl(timescaleUrl);
  shared ??= startTimescale().then(({ address }) => address);
  return shared;
}

/** The broker that a run on real services takes; installs it where it is missing. */
export async function kafkaTitle(): Promise<string> {
  if (kafkaBrokers !== undefined) return `Kafka at ${kafkaBrokers}`;
  await install(KAFKA, { inherited: inheritedEnvironment(), progress });
  return KAFKA.title;
}

export async function startKafka(options: RealKafkaOptions = {}): Promise<KafkaServer> {
  const kafka = await createKafka({ ...options, ...(await placeOf("kafka", options)) });
  await serve(kafka.server);
  return kafka;
}

export async function startTimescale(options: RealServerOptions = {}): Promise<TimescaleServer> {
  const timescale = await createTimescale({ ...options, ...(await placeOf("timescale", options)) });
  await serve(timescale.server);
  return timescale;
}

export async function removeRealServers(): Promise<void> {
  for (const server of servers) await server.remove();
  servers.clear();
}

const progress = (line: string) => console.error(line);

async function placeOf(kind: string, { folder }: RealServerOptions) {
  const place = folder ?? (await mkdtemp(path.join(tmpdir(), `millwright-${kind}-`)));
  return { folder: place, inherited: inheritedEnvironment(), progress };
}

async function serve(server: ServerProcess): Promise<void> {
  servers.add(server);
  await server.start();
}

async function orSkip<T>(context: Mocha.Context, reason: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (hasCode(error, "service-missing")) return skipBecause(context, reason, error.message);
    throw error;
  }
}
