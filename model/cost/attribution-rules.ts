import type { CostComponent } from "./cost-line.ts";
import { NO_USAGE, type MonthlyUsage } from "./usage.ts";

/** What may drive a cost. */
export const USES = Object.keys(NO_USAGE) as (keyof MonthlyUsage)[];

/** How the cost of a shared component is split. Together 1. */
export interface AttributionRule {
  /** By the time that each tenant was there: what it takes without being used. */
  readonly even: number;
  /** By what each tenant used of all that was used. */
  readonly by: Readonly<Partial<Record<keyof MonthlyUsage, number>>>;
}

export type AttributionRules = Readonly<Record<CostComponent, AttributionRule>>;

/**
 * Conventions, none of them a measurement: whoever has better figures passes other rules. The even part is what a tenant
 * takes by being there; the rest follows what makes somebody buy the next size.
 */
export const ATTRIBUTION_RULES: AttributionRules = {
  // A fifth is tables, jobs and plans of a tenant that sends nothing; disks grow with what is stored, processors with what
  // is written and what is asked, and none of the three is known to weigh more.
  "time-series": { even: 0.2, by: { storageBytes: 0.3, readings: 0.25, queryMs: 0.25 } },
  // Half is the registry, rules and keys; the other half the engine's transactions, which go with the readings, and the
  // outbox.
  catalog: { even: 0.5, by: { readings: 0.3, notifications: 0.2 } },
  // Brokers have a limit of partitions, and each tenant has its own; beyond that they carry and keep bytes.
  "event-log": { even: 0.3, by: { logBytes: 0.7 } },
  // Paid by run: nearly all runs are readings, some are notifications. The rest keeps them warm.
  functions: { even: 0.1, by: { readings: 0.8, notifications: 0.1 } },
  // Operations and watching over each tenant; the other half answers queries.
  "control-plane": { even: 0.5, by: { queries: 0.5 } },
  // Calls that bring readings and calls that ask for them.
  api: { even: 0.2, by: { logBytes: 0.4, queries: 0.4 } },
  "machine-entrance": { even: 0.1, by: { readings: 0.9 } },
  // Gateways and endpoints are paid by the hour and by the byte, about half each at the size of the default stack.
  network: { even: 0.5, by: { logBytes: 0.5 } },
  // Old readings, and backups of those that are not old yet.
  archive: { even: 0, by: { archiveBytes: 0.5, storageBytes: 0.5 } },
  notifications: { even: 0, by: { notifications: 1 } },
  // Metrics and alarms per tenant; logs with the traffic.
  monitoring: { even: 0.5, by: { readings: 0.5 } },
  // Keys and secrets: one set a tenant, used or not.
  security: { even: 1, by: {} },
};
