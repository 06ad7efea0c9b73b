import pg from "pg";
import { eventually } from "../eventually.ts";
import type { HostProcess } from "./host-process.ts";
import type { DataPlane } from "./plane.ts";

/** A table that transactions come to when they hold their partitions' positions. */
interface Gate {
  readonly server: pg.ClientConfig;
  readonly table: string;
  readonly held: string;
}

/**
 * Stops the host between two statements of a transaction that stores and of one that evaluates: both are held up at a
 * gate, let go once the host is stopped, and then wait for a client that says nothing more.
 */
export async function freezeInTransaction(plane: DataPlane, host: HostProcess): Promise<void> {
  const gates = await Promise.all([
    closeGate({ server: plane.cellAdmin, table: "millwright.usage", held: "millwright.log_position" }),
    closeGate({ server: plane.catalogAdmin, table: "catalog.alert_batch", held: "catalog.alert_position" }),
  ]);
  try {
    for (const gate of gates) await gate.visited();
    host.freeze();
  } finally {
    for (const gate of gates) await gate.open();
  }
}

async function closeGate({ server, table, held }: Gate) {
  const client = new pg.Client(server);
  await client.connect();
  await client.query("begin");
  await client.query(`lock table ${table} in access exclusive mode`);
  return {
    visited: () =>
      eventually(`a transaction waits for ${table}`, async () => {
        const { rowCount } = await client.query(
          `select from pg_locks waiting join pg_locks holding using (pid)
            where not waiting.granted and waiting.relation = $1::regclass
              and holding.granted and holding.relation = $2::regclass and holding.mode = 'RowExclusiveLock'`,
          [table, held],
        );
        return rowCount !== 0;
      }),
    open: () => client.end(),
  };
}
