import { openIngestPool } from "../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { ingestSubscription } from "../../handlers/ingest/subscription.ts";
import type { TenantId } from "../../model/tenant.ts";
import { everyMachine } from "../../test/support/machines.ts";
import { openLog, type LogPlace } from "../services.ts";

/** What the parent sends first. */
export interface ConsumerStart {
  readonly log: LogPlace;
  readonly cell: CellSecret;
  readonly tenant: TenantId;
  readonly topic: string;
}

/** What the child answers: once when it is up, then after each commit. */
export type ConsumerReport =
  | { readonly kind: "ready" }
  | {
      readonly kind: "stored";
      readonly rowCount: number;
      readonly rssBytes: number;
      readonly cpuSeconds: number;
    };

/**
 * The ingest consumer in a process of its own, put together as the handler host does it; begins at the second message,
 * so that starting Node is not measured.
 */
process.once("message", (message) => {
  const { log: place, cell, tenant, topic } = message as ConsumerStart;
  const fail = (error: unknown) => {
    console.error(error);
    process.exit(1);
  };
  const log = openLog(place, "bench-ingest", (error) => console.error(String(error)));
  let rowCount = 0;
  const subscription = ingestSubscription({
    ...{ cell: "bench", pool: openIngestPool(cell, "bench-ingest"), now: Date.now },
    machines: everyMachine,
    topics: () => Promise.resolve([{ tenant, topic, generation: 1, epoch: 1n }]),
    alarm: ({ error }) => fail(error),
    outOfRange: fail,
    stored: (outcome) => {
      rowCount += outcome.rowCount;
      const { user, system } = process.cpuUsage();
      const rssBytes = process.memoryUsage.rss();
      report({ kind: "stored", rowCount, rssBytes, cpuSeconds: (user + system) / 1e6 });
    },
  });
  process.once("message", () => void log.consume(subscription, new AbortController().signal));
  report({ kind: "ready" });
});
process.once("disconnect", () => process.exit());

function report(news: ConsumerReport): void {
  process.send?.(news);
}
