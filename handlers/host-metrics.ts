import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EventLog } from "../data/event-log/event-log.ts";
import type { StoreOutcome } from "./ingest/process.ts";
import type { AlertObserver } from "./alert/process.ts";
import type { NotifyObserver } from "./notify/try-delivery.ts";
import type { PublishObserver } from "./publish/publish-topic.ts";
import { TenantLabels } from "./tenant-labels.ts";
import { PROMISED_LATENCY_MS, type LatencyStage, type StageLatencies } from "../model/alert-latency.ts";

/** The promise is 500 ms; the buckets show how far from it we are. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** 50 tenants x 5 stages x 14 series are 3,500; fewer hide who suffers, more cost everybody's monitoring. */
const LABELLED_TENANTS = 50;

interface OpenLetters {
  readonly tenant: string;
  readonly openCount: number;
}

/** What the handler host measures, in one registry; the service adds it to `/metrics`. */
export class HostMetrics {
  readonly #registry = new Registry();
  readonly #rows = this.#counter("ingest_rows_total", "Readings stored", ["cell"]);
  readonly #deadLetters = this.#counter(
    "dead_letters_total",
    "Records and readings that can never be stored",
    ["cell", "reason"],
  );
  readonly #openLetters = new Map<string, readonly OpenLetters[]>();
  readonly #removedLetters = this.#counter("dead_letters_removed_total", "Dead letters taken by retention", [
    "cell",
  ]);
  readonly #alarms = this.#counter(
    "ingest_alarms_total",
    "Times that a tenant's ingestion stopped with an alarm",
    ["cell"],
  );
  readonly #evaluated = this.#histogram("alert_batch_seconds", "Time of one batch of the alert engine");
  readonly #errors = this.#counter("handler_errors_total", "Errors that were retried", ["handler"]);
  readonly #tries = this.#counter("notification_tries_total", "Deliveries tried", ["result"]);
  readonly #latency = this.#histogram(
    "alert_latency_seconds",
    "Time of an alert by stage: append, evaluate, commit, send, and total from the reading's receipt to the receiver's 2xx",
    ["tenant", "stage"],
  );
  readonly #violations = this.#counter(
    "alert_sla_violations_total",
    `Alerts that took longer than ${PROMISED_LATENCY_MS} ms in total`,
    ["tenant"],
  );
  readonly #published = this.#counter("events_published_total", "Events appended to their topics", [
    "stream",
  ]);
  readonly #tenants = new TenantLabels(LABELLED_TENANTS);

  readonly alerts: AlertObserver = {
    onBatch: ({ durationMs }) => this.#evaluated.observe(durationMs / 1_000),
    onRaised: ({ tenant, latencyMs }) =>
      this.#observeStages(tenant, latencyMs, ["append", "evaluate", "commit"]),
    onOutOfRange: () => this.#errors.inc({ handler: "alert" }),
    onError: () => this.#errors.inc({ handler: "alert" }),
  };

  readonly notifications: NotifyObserver = {
    onTry: ({ isDelivered }) => this.#tries.inc({ result: isDelivered ? "delivered" : "failed" }),
    onNotified: ({ tenant, latencyMs }) => {
      this.#observeStages(tenant, latencyMs, ["send", "total"]);
      if ((latencyMs.total ?? 0) > PROMISED_LATENCY_MS)
        this.#violations.inc({ tenant: this.#tenants.labelOf(tenant) });
    },
    onError: () => this.#errors.inc({ handler: "notify" }),
  };

  readonly publications: PublishObserver = {
    onPublished: ({ stream, count }) => this.#published.inc({ stream }, count),
    onError: () => this.#errors.inc({ handler: "publish" }),
  };

  constructor() {
    collectDefaultMetrics({ register: this.#registry, prefix: "millwright_host_" });
    const [openLetters, tenants] = [this.#openLetters, this.#tenants];
    new Gauge({
      name: "millwright_dead_letters_open",
      help: "Dead letters that nobody has handled",
      labelNames: ["cell", "tenant"],
      registers: [this.#registry],
      collect() {
        this.reset(); // tenants that have none any more
        for (const [cell, letters] of openLetters)
          for (const { tenant, openCount } of letters)
            if (openCount > 0) this.inc({ cell, tenant: tenants.labelOf(tenant) }, openCount);
      },
    });
  }

  stored(cell: string, { rowCount, deadLetterReasons }: StoreOutcome): void {
    this.#rows.inc({ cell }, rowCount);
    for (const reason of deadLetterReasons) this.#deadLetters.inc({ cell, reason });
  }

  /** Shows from now on what the cell's tenants have open. */
  openLetters(cell: string, letters: readonly OpenLetters[]): void {
    this.#openLetters.set(cell, letters);
  }

  tidied(cell: string, { deadLetterCount }: { readonly deadLetterCount: number }): void {
    this.#removedLetters.inc({ cell }, deadLetterCount);
  }

  alarm(cell: string): void {
    this.#alarms.inc({ cell });
  }

  failed(handler: string): void {
    this.#errors.inc({ handler });
  }

  /** Shows how far the consumers are behind, asked at each scrape. */
  watch(log: Pick<EventLog, "lags">): void {
    new Gauge({
      name: "millwright_log_lag_records",
      help: "Records of a partition that its consumer has not taken",
      labelNames: ["group", "topic", "partition"],
      registers: [this.#registry],
      async collect() {
        this.reset(); // partitions that another host reads now
        const lags = await log.lags().catch(() => []); // /readyz tells that the log is away
        for (const { group, topic, partition, records } of lags)
          this.set({ group, topic, partition }, records);
      },
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #observeStages(tenant: string, latencyMs: StageLatencies, stages: readonly LatencyStage[]): void {
    for (const stage of stages) {
      const stageMs = latencyMs[stage];
      if (stageMs === null) continue;
      // clocks of two machines may disagree by more than a stage takes
      this.#latency.observe({ tenant: this.#tenants.labelOf(tenant), stage }, Math.max(0, stageMs) / 1_000);
    }
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: `millwright_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<T extends string>(name: string, help: string, labelNames: T[] = []): Histogram<T> {
    return new Histogram({
      name: `millwright_${name}`,
      help,
      labelNames,
      buckets: LATENCY_BUCKETS_S,
      registers: [this.#registry],
    });
  }
}
