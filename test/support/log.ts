import { openEmbeddedLog, prepareEmbeddedLog, type EmbeddedLog } from "../../data/event-log/embedded-log.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { testDatabase } from "./postgres.ts";

export const LOG_PASSWORD = "log-test";

/** A migrated embedded log in a database of its own, or in `admin`'s. Close it with `log.close()`. */
export async function testLog(
  admin?: DatabaseAddress,
  onError?: (error: unknown) => void,
): Promise<{ log: EmbeddedLog; admin: DatabaseAddress }> {
  const place = admin ?? (await testDatabase());
  await prepareEmbeddedLog(place, LOG_PASSWORD);
  return { log: openEmbeddedLog(place, LOG_PASSWORD, "test", onError), admin: place };
}
