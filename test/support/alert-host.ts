import { openCatalog, type CatalogPasswords } from "../../data/catalog/catalog.ts";
import { openEmbeddedLog } from "../../data/event-log/embedded-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { alertEngine } from "../../handlers/alert/process.ts";
import { runDispatcher } from "../../handlers/notify/process.ts";
import { testDispatcher } from "./dispatcher.ts";

/** What the parent sends first; then the child follows the log until it is killed. */
export interface AlertHostStart {
  readonly admin: DatabaseAddress;
  readonly passwords: CatalogPasswords;
  readonly logPassword: string;
  /** The log is theirs; undefined: embedded, in the catalog's database. */
  readonly kafkaBrokers?: readonly string[] | undefined;
}

/** Alert engine and dispatcher in a process of their own, as the handler host runs them: for faults and the bench. */
process.once("message", (message) => {
  const { admin, passwords, logPassword, kafkaBrokers: brokers } = message as AlertHostStart;
  const { service: pool } = openCatalog(admin, passwords, "alert-host");
  const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`);
  const log =
    brokers === undefined
      ? openEmbeddedLog(admin, logPassword, "alert-host", onError)
      : openKafkaLog({ brokers }, { clientId: "alert-host", replicationFactor: 1, onError });
  const forever = new AbortController().signal;
  // every alert is to be notified here, however many there are
  const flood = { alertCount: 1_000_000, windowMs: 60_000 };
  const engine = alertEngine({ pool, log, flood, observe: { onError } });
  void log.consume(engine.subscription, forever);
  void engine.runTimers(forever);
  void runDispatcher(testDispatcher(pool, { onError }), forever);
  process.send?.("ready");
});
// an orphan of a killed test must not live on
process.once("disconnect", () => process.exit());
