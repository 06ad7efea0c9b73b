/** What differs between the functions: a handler is a row here, and its code `handlers/NAME/handler.ts`. */
export interface HandlerSpec {
  /** The processor's share grows with it; 1,769 MB are one core. */
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Settings that hold the ARN of a secret; the function may read these secrets and no others. */
  readonly secrets: readonly string[];
  /** One function for each cell, told its name as `CELL` and its login as `CELL_SECRET`; otherwise one for all. */
  readonly isPerCell?: boolean;
  /** Invoked with the records of topics of readings; `windowSeconds`: how long a source collects before it does. */
  readonly source?: { readonly windowSeconds: number; readonly maxRecords: number };
  /** Invoked by the clock. */
  readonly schedule?: string;
  /** What it may do beside reading its secrets and its topics. */
  readonly sends?: boolean;
}

export const HANDLERS = {
  // Memory and times of ingest and alert are those of the first customers' documents.
  ingest: {
    ...{ memoryMb: 2_048, timeoutSeconds: 300 },
    secrets: ["CELL_SECRET", "CATALOG_SECRET"],
    isPerCell: true,
    source: { windowSeconds: 1, maxRecords: 10_000 },
  },
  alert: {
    ...{ memoryMb: 1_024, timeoutSeconds: 15 },
    secrets: ["CATALOG_SECRET"],
    // An alert is promised within 500 ms, which is what a source of MSK collects for when it is not told otherwise.
    source: { windowSeconds: 0, maxRecords: 1_000 },
  },
  notify: {
    // Sends for 55 s of each minute (handlers/notify/handler.ts), and ends what is in hand.
    ...{ memoryMb: 512, timeoutSeconds: 65 },
    secrets: ["CATALOG_SECRET", "CHANNEL_KEY_SECRET"],
    schedule: "rate(1 minute)",
    sends: true,
  },
} as const satisfies Readonly<Record<string, HandlerSpec>>;
export type HandlerName = keyof typeof HANDLERS;

export const HANDLER_NAMES = Object.keys(HANDLERS) as HandlerName[];
