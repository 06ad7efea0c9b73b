import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import type { StoreOutcome } from "./ingest/process.ts";
import type { AlertObserver } from "./alert/process.ts";
import type { NotifyObserver } from "./notify/process.ts";

/** The promise is 500 ms; the buckets show how far from it we are. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** What the handler host measures, in one registry; the service adds it to `/metrics`. */
export class HostMetrics {
  readonly #registry = new Registry();
  readonly #rows = this.#counter("ingest_rows_total", "Readings stored", ["cell"]);
  readonly #deadLetters = this.#counter("ingest_dead_letters_total", "Readings that can never be stored", [
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
    "From the receipt of a reading to the receiver's 2xx",
  );

  readonly alerts: AlertObserver = {
    onBatch: ({ durationMs }) => this.#evaluated.observe(durationMs / 1_000),
    onOutOfRange: () => this.#errors.inc({ handler: "alert" }),
    onError: () => this.#errors.inc({ handler: "alert" }),
  };

  readonly notifications: NotifyObserver = {
    onTry: ({ isDelivered }) => this.#tries.inc({ result: isDelivered ? "delivered" : "failed" }),
    onAlertLatency: (latencyMs) => this.#latency.observe(latencyMs / 1_000),
    onError: () => this.#errors.inc({ handler: "notify" }),
  };

  constructor() {
    collectDefaultMetrics({ register: this.#registry, prefix: "millwright_host_" });
  }

  stored(cell: string, { rowCount, deadLetterCount }: StoreOutcome): void {
    this.#rows.inc({ cell }, rowCount);
    this.#deadLetters.inc({ cell }, deadLetterCount);
  }

  alarm(cell: string): void {
    this.#alarms.inc({ cell });
  }

  failed(handler: string): void {
    this.#errors.inc({ handler });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: `millwright_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({
      name: `millwright_${name}`,
      help,
      buckets: LATENCY_BUCKETS_S,
      registers: [this.#registry],
    });
  }
}
