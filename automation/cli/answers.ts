import * as z from "zod";

/**
 * What the commands read of the API's answers. Loose on purpose: `--json` passes on what a newer service adds.
 */
const tenantAnswer = z.looseObject({
  id: z.string(),
  name: z.string(),
  tier: z.string(),
  state: z.string(),
  placement: z.looseObject({ database: z.string(), schema: z.string() }).nullish(),
  machines: z.number(),
  budgetUsdPerMonth: z.number().nullish(),
  createdAt: z.string(),
});
export type TenantAnswer = z.infer<typeof tenantAnswer>;

const stepAnswer = z.looseObject({
  name: z.string(),
  status: z.string(),
  startedAt: z.string().nullish(),
  finishedAt: z.string().nullish(),
});

const operationAnswer = z.looseObject({
  id: z.string(),
  kind: z.string(),
  tenant: z.string().nullish(),
  status: z.string(),
  steps: z.array(stepAnswer),
  createdAt: z.string().nullish(),
  error: z.looseObject({ code: z.string(), detail: z.string().nullish() }).nullish(),
});
export type OperationAnswer = z.infer<typeof operationAnswer>;

const ENDED = new Set(["succeeded", "failed", "cancelled"]);

export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}

export const tenantEnvelope = z.looseObject({ tenant: tenantAnswer });
export const tenantList = z.looseObject({
  tenants: z.array(tenantAnswer),
  nextCursor: z.string().nullish(),
});
export const operationEnvelope = z.looseObject({ operation: operationAnswer });
export const operationList = z.looseObject({
  operations: z.array(operationAnswer),
  nextCursor: z.string().nullish(),
});
export const keyEnvelope = z.looseObject({ key: z.looseObject({ id: z.string(), secret: z.string() }) });
export const dataAnswer = z.looseObject({
  accepted: z.number(),
  rejected: z.array(z.looseObject({ index: z.number(), code: z.string(), message: z.string() })),
});

const deadLetter = z.looseObject({
  id: z.string(),
  state: z.string(),
  reason: z.string(),
  message: z.string(),
  appendedAt: z.string(),
  bytes: z.number(),
  isTruncated: z.boolean(),
  handledAt: z.string().nullish(),
  handledBy: z.string().nullish(),
});
export const deadLetterList = z.looseObject({ deadLetters: z.array(deadLetter) });
export const deadLetterEnvelope = z.looseObject({
  deadLetter: deadLetter.extend({ raw: z.string(), encoding: z.string() }),
});
export const deadLetterCounts = z.looseObject({
  counts: z.array(
    z.looseObject({
      reason: z.string(),
      ...{ open: z.number(), replayed: z.number(), discarded: z.number(), removed: z.number() },
    }),
  ),
});
export const discardAnswer = z.looseObject({ discarded: z.number() });
export const replayAnswer = z.looseObject({
  replayed: z.number(),
  refused: z.array(z.looseObject({ id: z.string(), code: z.string(), message: z.string() })),
  nextCursor: z.string().nullish(),
});
export type ReplayAnswer = z.infer<typeof replayAnswer>;

const usageBucket = z.looseObject({
  from: z.string(),
  rowCount: z.number(),
  byteCount: z.number(),
  queryCount: z.number(),
  queryMs: z.number(),
  directQueryCount: z.number().nullish(),
  violationCount: z.number(),
  storageBytes: z.number().nullish(),
});
const billed = {
  ...{ month: z.string(), to: z.string(), closedAt: z.string().nullable(), totalUsd: z.number() },
  budgetUsdPerMonth: z.number().nullable(),
  forecast: z.looseObject({ lowUsd: z.number(), expectedUsd: z.number(), highUsd: z.number() }).nullable(),
};
export const platformBill = z.looseObject({
  cost: z.looseObject({
    ...billed,
    unattributedUsd: z.number(),
    tenants: z.array(z.looseObject({ tenant: z.string(), totalUsd: z.number() })),
  }),
});
export type PlatformBill = z.infer<typeof platformBill>;
export const tenantBill = z.looseObject({
  cost: z.looseObject({
    ...billed,
    lines: z.array(
      z.looseObject({
        ...{ component: z.string(), kind: z.string(), of: z.string(), unit: z.string() },
        ...{ quantity: z.number(), usd: z.number() },
      }),
    ),
  }),
});
export type TenantBill = z.infer<typeof tenantBill>;
const compared = { estimateUsd: z.number(), actualUsd: z.number(), errorPercent: z.number().nullable() };
export const costComparison = z.looseObject({
  comparison: z.looseObject({
    total: z.looseObject(compared),
    lines: z.array(
      z.looseObject({ ...{ owner: z.string(), component: z.string(), price: z.string() }, ...compared }),
    ),
  }),
});
export const costVerification = z.looseObject({
  month: z.string(),
  isIntact: z.boolean(),
  ...{ kept: z.string(), recomputed: z.string(), stored: z.string() },
});
export const usageList = z.looseObject({ usage: z.array(usageBucket) });

const triggerReasons = z.array(z.looseObject({ metric: z.string(), value: z.number(), limit: z.number() }));
const decided = {
  tenant: z.string(),
  direction: z.string(),
  decidedAt: z.string(),
  holds: z.array(z.looseObject({ gate: z.string() })),
};
export const triggerReplay = z.looseObject({
  decisions: z.array(z.looseObject({ ...decided, reasons: triggerReasons, startedAt: z.string().nullish() })),
  dedicatedHourCount: z.number(),
  dedicatedUsd: z.number(),
});
export const decisionList = z.looseObject({
  decisions: z.array(
    z.looseObject({
      ...{ ...decided, id: z.string(), status: z.string() },
      evidence: z.looseObject({ reasons: triggerReasons }),
    }),
  ),
});

export const movePlanAnswer = z.looseObject({
  plan: z.looseObject({
    tenant: z.string(),
    from: z.looseObject({ cell: z.string(), tier: z.string() }).nullable(),
    to: z.looseObject({ cell: z.string().nullable(), tier: z.string() }),
    refusals: z.array(z.looseObject({ code: z.string(), message: z.string() })),
    estimate: z
      .looseObject({
        ...{ rows: z.number(), bytes: z.number(), copyRowsPerSecond: z.number(), copyRateFrom: z.string() },
        ...{ buildMs: z.number(), copyMs: z.number(), proveMs: z.number(), totalMs: z.number() },
        pause: z.looseObject({ expectedMs: z.number(), limitMs: z.number() }),
        disk: z.looseObject({ neededBytes: z.number(), freeBytes: z.number().nullable() }),
      })
      .nullable(),
    cost: z.looseObject({ beforeUsdPerMonth: z.number(), afterUsdPerMonth: z.number() }).nullable(),
  }),
});
export type MovePlanAnswer = z.infer<typeof movePlanAnswer>;

/** What is signed is verified as it is; a newer one is passed on. */
export const receiptEnvelope = z.looseObject({
  receipt: z.looseObject({ kind: z.string() }),
  signature: z.looseObject({}),
});

const stackDrift = z.looseObject({
  stack: z.string(),
  status: z.string(),
  checkedAt: z.string(),
  error: z.string().nullish(),
  differences: z.array(
    z.looseObject({
      urn: z.string(),
      kind: z.string(),
      properties: z.array(
        z.looseObject({ name: z.string(), expected: z.unknown().optional(), found: z.unknown().optional() }),
      ),
    }),
  ),
});
export type DriftAnswer = z.infer<typeof stackDrift>;
export const driftEnvelope = z.looseObject({ drift: stackDrift.nullable() });
export const driftList = z.looseObject({ stacks: z.array(stackDrift) });

const healthPart = z.looseObject({
  status: z.string(),
  reason: z.string().nullish(),
  facts: z.record(z.string(), z.unknown()).nullish(),
});
const health = z.looseObject({
  tenant: z.string(),
  at: z.string(),
  status: z.string(),
  parts: z.record(z.string(), healthPart),
});
export type HealthAnswer = z.infer<typeof health>;
export const healthEnvelope = z.looseObject({ health });

const money = z.number();
const usdRange = z.looseObject({ low: money, expected: money, high: money });
export const costProjection = z.looseObject({
  assumptions: z.record(
    z.string(),
    z.looseObject({ value: z.union([z.number(), z.string()]), from: z.string() }),
  ),
  points: z.array(
    z.looseObject({
      ...{ tenants: z.number(), totalUsd: usdRange, usdPerTenant: usdRange, resultUsd: usdRange },
      quotas: z.array(z.looseObject({ what: z.string(), needed: z.number(), isMet: z.boolean() })),
    }),
  ),
  breakEven: z.looseObject({ tenants: z.number().nullable(), paidBackInMonth: z.number().nullable() }),
});
export const costOptions = z.looseObject({
  options: z.array(
    z.looseObject({ id: z.string(), name: z.string(), monthlyUsd: usdRange, usdPerTenant: usdRange }),
  ),
  components: z.array(
    z.looseObject({ component: z.string(), decided: z.string(), listUsd: z.number().nullable() }),
  ),
  statements: z.array(
    z.looseObject({
      ...{ id: z.string(), verdict: z.string(), printed: z.string(), computed: z.array(z.number()) },
      reason: z.string().nullish(),
    }),
  ),
});
export const costRecommendations = z.looseObject({
  recommendations: z.array(
    z.looseObject({
      ...{ kind: z.string(), subject: z.string(), action: z.string() },
      savingUsd: usdRange.nullable(),
    }),
  ),
});

export const quoteAnswer = z.looseObject({
  quote: z.looseObject({
    region: z.string(),
    priceBook: z.string(),
    totalUsdPerMonth: usdRange,
    marginalUsdPerMonth: usdRange,
    shares: z.array(z.looseObject({ component: z.string(), usdPerMonth: usdRange })),
    growth: z.array(z.looseObject({ month: z.number(), usdPerMonth: z.number() })),
    gaps: z.array(z.string()),
    byTier: z.looseObject({ shared: usdRange, dedicated: usdRange }),
    shortfalls: z.looseObject({ shared: z.string().nullable(), dedicated: z.string().nullable() }),
    dedicatedCheaperFromMachines: z.number().nullable(),
    dedicatedNecessaryFrom: z.looseObject({ machines: z.number(), because: z.string() }).nullable(),
    margin: z.looseObject({ usdPerMonth: z.number(), part: z.number() }).nullable(),
  }),
});
export type QuoteAnswer = z.infer<typeof quoteAnswer>;
