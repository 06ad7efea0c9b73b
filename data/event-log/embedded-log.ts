import { fileURLToPath } from "node:url";
import pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import { ensureLogin } from "../login-role.ts";
import { migrate } from "../migrate.ts";
import { clientConfig, identifier, openPool, type DatabaseAddress } from "../pool.ts";
import { Announcer } from "./announcer.ts";
import { Appender, isLogOutage, unavailable } from "./appender.ts";
import { Consumer } from "./consumer.ts";
import type { EventLog, Retention } from "./event-log.ts";
import { boundsOf, horizonOf, readRecords } from "./reader.ts";
import { dropTopic, EMBEDDED_RETENTION, trimLog } from "./retention.ts";

const MIGRATIONS = fileURLToPath(new URL("./migrations/", import.meta.url));
const SCHEMA = "log";
const ROLE = "millwright_log";
// A statement of the log takes milliseconds; one that hangs must not hold the API's requests for longer than this.
const STATEMENT_TIMEOUT_MS = 10_000;

/** The event log in PostgreSQL: real partitions, offsets and retention, for a platform on one machine. */
export interface EmbeddedLog extends EventLog {
  /** Applies the retention; answers how many records were deleted. */
  readonly trim: (retention: Retention) => Promise<number>;
}

/** Makes the login, the schema `log` and its tables. Idempotent. @param admin - may create roles and schemas */
export async function prepareEmbeddedLog(admin: DatabaseAddress, password: string): Promise<void> {
  const client = new pg.Client(clientConfig(admin));
  await client.connect();
  try {
    await ensureLogin(client, ROLE, password);
    await client.query(`grant connect on database ${identifier(admin.database)} to ${ROLE}`);
    await migrate(client, MIGRATIONS, SCHEMA);
    await client.query(`grant usage on schema ${SCHEMA} to ${ROLE}`);
    await client.query(`grant select, insert, update, delete on partition, record to ${ROLE}`);
  } finally {
    await client.end();
  }
}

/**
 * @param place - host, port and database; the login is the log's own
 * @param onError - hears of every failure that a consumer retries
 */
export function openEmbeddedLog(
  place: Omit<DatabaseAddress, "user" | "password">,
  password: string,
  applicationName: string,
  onError: (error: unknown, group: string) => void = () => undefined,
): EmbeddedLog {
  const pool = openPool(
    { ...place, user: ROLE, password },
    { applicationName, max: 12, searchPath: SCHEMA, statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
  const consumers = new Set<Consumer>();
  const announcer = new Announcer(pool);
  const appender = new Appender(pool, (topics) => announcer.announce(topics));
  return {
    createTopic: (topic, partitions) => reporting(createTopic(pool, topic, partitions)),
    dropTopic: (topic) => reporting(dropTopic(pool, topic)),
    append: (records) => appender.append(records),
    retention: () => Promise.resolve(EMBEDDED_RETENTION),
    bounds: (partition) => reporting(boundsOf(pool, partition)),
    read: (from) => reporting(readRecords(pool, from)),
    horizon: (partition) => reporting(horizonOf(pool, partition)),
    async consume(subscription, signal) {
      const consumer = new Consumer(pool, subscription, (error) => onError(error, subscription.group));
      consumers.add(consumer);
      await consumer.run(signal).finally(() => consumers.delete(consumer));
    },
    async lags() {
      return (await reporting(Promise.all([...consumers].map((consumer) => consumer.lags())))).flat();
    },
    async ping() {
      await reporting(pool.query("select 1"));
    },
    trim: (retention) => reporting(trimLog(pool, retention)),
    async close() {
      await appender.idle();
      await announcer.idle();
      await pool.end();
    },
  };
}

async function createTopic(pool: pg.Pool, topic: string, partitions: number): Promise<void> {
  await pool.query(
    `insert into partition (topic, partition) select $1, generate_series(0, $2::int - 1)
      where not exists (select from partition where topic = $1) on conflict do nothing`,
    [topic, partitions],
  );
}

async function reporting<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isLogOutage(error) && !(error instanceof MillwrightError) ? unavailable(error) : error;
  }
}
