import pg from "pg";
import { MillwrightError } from "../model/errors.ts";

/**
 * No transaction of ours waits for anything but its database, so one that is idle for so long belongs to a process that
 * was stopped, perhaps for good, and the locks that it keeps keep everybody out. Longer than a healthy process pauses
 * between two statements on a busy machine; shorter than the time-out of a statement that waits for such a lock.
 */
const IDLE_TRANSACTION_TIMEOUT_MS = 5_000;

export type Queryable = pg.Pool | pg.ClientBase;

// bigint columns carry log references and epochs: a JavaScript number would round them silently.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => BigInt(text));

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** undefined: no TLS. The server's certificate is always checked; `ca`: PEM of who signed it, beside those whom all trust. */
  readonly tls?: { readonly ca?: string | undefined } | undefined;
}

export interface PoolOptions {
  readonly max?: number;
  readonly applicationName: string;
  readonly statementTimeoutMs?: number;
  readonly searchPath?: string;
  /** Asked for each connection, where a password may change while the pool is open. */
  readonly password?: () => Promise<string>;
}

/** The address as `pg` takes it. By name: every field that an address may carry besides would be an option of pg's own. */
export function clientConfig({
  host,
  port,
  database,
  user,
  password,
  tls,
}: DatabaseAddress): pg.ClientConfig {
  const address = { host, port, database, user, password };
  return tls === undefined ? address : { ...address, ssl: tls.ca === undefined ? true : { ca: tls.ca } };
}

/** A pool whose idle errors (server restarted) are swallowed: the next query reports them to somebody who can act. */
export function openPool(address: DatabaseAddress, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(address),
    ...(options.password === undefined ? {} : { password: options.password }),
    max: options.max ?? 5,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    ...(options.searchPath === undefined ? {} : { options: `-c search_path=${options.searchPath}` }),
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
  });
  pool.on("error", () => undefined);
  // A client in use reports a lost connection twice: its query fails, and it emits. Unheard, that ends the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** `postgres://user:password@host:port/database` as an address. */
export function parseDatabaseUrl(url: string, defaultDatabase = "postgres"): DatabaseAddress {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: decodeURIComponent(hostname),
    port: port === "" ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : defaultDatabase,
  };
}

/** The address as a `postgres://` URL, for libraries that take nothing else; a pinned certificate has no place in it. */
export function databaseUrl({ host, port, database, user, password, tls }: DatabaseAddress): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const plain = `postgres://${login}@${encodeURIComponent(host)}:${port}/${encodeURIComponent(database)}`;
  return tls === undefined ? plain : `${plain}?sslmode=verify-full`;
}

/** Runs `work` in one transaction; a failed COMMIT or a lost connection is an error, and the client is then dropped. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: pg.PoolClient) => Promise<T>,
  isolation: "read committed" | "repeatable read" = "read committed",
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`begin isolation level ${isolation}`);
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((cause: unknown) => (broken = cause as Error));
    throw error;
  } finally {
    client.release(broken);
  }
}

/** SQLSTATE of a PostgreSQL error, undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** SQLSTATE class 28 of a login, also inside what was made of the error: its password may have been changed just now. */
export function isLoginRefused(error: unknown): boolean {
  return isSomeCause(error, (one) => sqlState(one)?.startsWith("28") === true);
}

/** Whether `error`, or what is inside of it, is what `test` looks for. */
export function isSomeCause(error: unknown, test: (error: unknown) => boolean): boolean {
  if (test(error)) return true;
  if (error instanceof AggregateError && error.errors.some((one) => isSomeCause(one, test))) return true;
  return error instanceof Error && error.cause !== undefined && isSomeCause(error.cause, test);
}

/** Quotes an SQL identifier that was computed by us; values always travel as parameters. */
export function identifier(name: string): string {
  return pg.escapeIdentifier(name);
}

/**
 * True for errors that a later try may not meet: connection lost, server starting, full or standing still,
 * serialization, deadlock, a session that was ended because its process had stood still (25P03), a password that is
 * just being changed (28P01).
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof MillwrightError) return error.retryable;
  const state = sqlState(error);
  if (state !== undefined) return /^(08|53|40|57P|25006|25P03|28P01)/.test(state) && state !== "53400";
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string"
    ? /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND)/.test(code)
    : /Connection terminated|not queryable|timeout exceeded|timeout expired|Query read timeout/.test(
        String(error),
      );
}
