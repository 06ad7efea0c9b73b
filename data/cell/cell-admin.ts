import pg from "pg";
import { clientConfig } from "../pool.ts";
import { cellAddress, type CellSecret } from "./cell-secret.ts";

/** Beyond what the server gives a statement: a server that stands still ends none. */
const ANSWER_GRACE_MS = 2_000;

export interface AdminSession {
  readonly applicationName: string;
  /** Of waiting for a lock, and of each statement; unlimited when left out. */
  readonly lockTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
}

/** Runs `work` as the cell's superuser. A failure ends the connection, and with it an open transaction. */
export async function asCellAdmin<T>(
  secret: CellSecret,
  { applicationName, lockTimeoutMs, statementTimeoutMs }: AdminSession,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...clientConfig(cellAddress(secret, "admin")),
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    ...(lockTimeoutMs === undefined ? {} : { lock_timeout: lockTimeoutMs }),
    ...(statementTimeoutMs === undefined
      ? {}
      : { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + ANSWER_GRACE_MS }),
  });
  client.on("error", () => undefined); // the query in hand reports it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
