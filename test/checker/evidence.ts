import type { Journal } from "./journal.ts";
import type { LogEntry } from "./log-entries.ts";
import type { StoredAlerts, StoredInCell } from "./stored.ts";

/** All that is known of one tenant after a run. */
export interface Evidence {
  readonly tenant: string;
  readonly topic: string;
  readonly journal: Journal;
  /** Of the topic since the tenant came; what others have in it too. */
  readonly log: readonly LogEntry[];
  /** Where that begins, by partition; 0 when left out. */
  readonly starts?: readonly bigint[];
  readonly cell: StoredInCell;
  readonly alerts: StoredAlerts;
  /** The topic of alerts, in log order. */
  readonly published: readonly Published[];
  /** Channels that every alert goes to. */
  readonly channels: readonly string[];
  /** Delivery ids that the receiver got, with the alert and event that each named. */
  readonly received: readonly { readonly id: string; readonly alert: string; readonly event: string }[];
}

/** One record of the tenant's topic of alerts. */
export interface Published {
  readonly id: string;
  readonly sequence: string;
  readonly event: string;
  readonly alert: { readonly id: string; readonly machineId: string };
}
