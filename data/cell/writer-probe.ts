import pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { clientConfig } from "../pool.ts";
import { cellAddress, type CellSecret } from "./cell-secret.ts";
import { readFences, tryShareTenants } from "./fence.ts";

/** No statement of a probe waits for anybody: a server that takes so long stands still. */
const TIMEOUT_MS = 1_000;

/** A connection that does what a writer of a tenant does, up to the write. */
export interface WriterProbe {
  /**
   * Whether a writer that was led here by the placement at `epoch` could have stored something, as at home; in a
   * transaction of its own that writes nothing.
   */
  readonly mayStore: (tenant: TenantId, epoch: bigint) => Promise<boolean>;
  /** Does not wait: the server may stand still. */
  readonly close: () => void;
}

export async function openWriterProbe(secret: CellSecret): Promise<WriterProbe> {
  const client = new pg.Client({
    ...clientConfig(cellAddress(secret, "ingest")),
    application_name: "millwright-pause-probe",
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    statement_timeout: TIMEOUT_MS,
  });
  client.on("error", () => undefined); // the query in hand reports it
  await client.connect();
  return {
    async mayStore(tenant, epoch) {
      await client.query("begin");
      const isFree = (await tryShareTenants(client, [tenant])).has(tenant);
      const fence = (await readFences(client, [tenant])).get(tenant);
      await client.query("commit");
      // As ingestion: a fence above the placement was raised by a flip that the writer has not heard of.
      return isFree && fence?.role === "primary" && !fence.isClosed && fence.epoch <= epoch;
    },
    close: () => void client.end().catch(() => undefined),
  };
}
