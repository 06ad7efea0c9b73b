import path from "node:path";
import { databaseUrl } from "../../data/pool.ts";
import { inheritedEnvironment, readSettings } from "../../environment.ts";
import { MillwrightError } from "../../model/errors.ts";
import { installPrograms } from "./debian.ts";
import { createKafka } from "./kafka.ts";
import type { ServerProcess } from "./server-process.ts";
import { createTimescale } from "./timescale.ts";

/**
 * `npm run services`: Kafka and TimescaleDB on this machine, without containers, until Ctrl-C. Their data is kept in
 * `$MILLWRIGHT_HOME/services`. Standard output gets the settings for `npm start`, and nothing else.
 */

const startedAt = performance.now();
const stopping = new AbortController();
const servers: ServerProcess[] = [];

function progress(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6);
  process.stderr.write(`[${seconds} s] ${line}\n`);
}

async function main(): Promise<void> {
  const inherited = inheritedEnvironment();
  const folder = path.join(readSettings().home, "services");
  await installPrograms({ inherited, progress });
  const kafka = await createKafka({ folder: path.join(folder, "kafka"), inherited, progress });
  const timescale = await createTimescale({ folder: path.join(folder, "timescale"), inherited, progress });
  servers.push(kafka.server, timescale.server);
  progress("starting Kafka and TimescaleDB");
  await Promise.all(servers.map((server) => server.start()));
  process.stdout.write(`KAFKA_BROKERS=${kafka.brokers}\nTIMESCALE_URL=${databaseUrl(timescale.address)}\n`);
  progress("both run until Ctrl-C; start the platform with these two settings in another terminal");
  setInterval(checkAlive, 1_000);
}

/** A server that ends by itself ends the others: half a pair would only confuse. */
function checkAlive(): void {
  const dead = servers.find((server) => !server.isRunning);
  if (dead === undefined || stopping.signal.aborted) return;
  stopping.abort();
  progress(`a server has ended by itself: see ${path.join(dead.folder, "server.log")}`);
  void stop().then(() => process.exit(1));
}

async function stop(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    progress("stopping");
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}

await main().catch((error: unknown) => {
  if (stopping.signal.aborted) return; // a server that was stopped while it started
  const text = error instanceof MillwrightError ? `${error.code}: ${error.message}` : String(error);
  process.stderr.write(`${text}\n`);
  void stop().finally(() => process.exit(1));
});
