import pg from "pg";
import { clientConfig, type DatabaseAddress } from "./pool.ts";

const TIMEOUT_MS = 3_000;

/** Logs in and asks for nothing; throws what the server or the network says. */
export async function pingDatabase(address: DatabaseAddress): Promise<void> {
  const client = new pg.Client({
    ...clientConfig(address),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end().catch(() => undefined);
  }
}
