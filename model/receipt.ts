import * as z from "zod";
import { DIRECTIONS } from "./trigger.ts";
import { TIERS } from "./tenant.ts";
import { TRIGGER_METRICS } from "./trigger-config.ts";

/**
 * What a move leaves as proof. Part one (`move`) is written when the tenant has its new home, part two (`clean-up`) when
 * the old one is gone; it names part one by the SHA-256 of its canonical JSON, which are also the bytes that are signed.
 * Counts, hashes, offsets and epochs are decimal text: a JSON number would round them.
 *
 * Receipts are kept for years: what one holds today every later release must read. A field that is added or goes makes
 * another `format`.
 */
export const RECEIPT_FORMAT = 1;

/** A move of 10 years in hours of which each has more rows than a range holds; the page and the file stay readable. */
const MAX_RANGES = 100_000;

const name = z.string().min(1).max(300);
const text = z.string().max(1_000);
const decimal = z.string().regex(/^(0|-?[1-9]\d{0,39})$/, "a whole number as text");
const count = z.string().regex(/^(0|[1-9]\d{0,18})$/, "a whole number as text");
const instant = z.iso.datetime();
const durationMs = z.number().min(0);
const usd = z.number().min(0).max(1e9);
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");

const home = z.strictObject({ cell: name, tier: z.enum(TIERS) });
const positions = z.array(z.strictObject({ topic: name, partition: z.int().min(0), nextOffset: count }));
/** Of rows as both cells counted them: what differs is in no receipt. `hash` is a sum of 64-bit hashes of rows. */
const equal = { rowCount: count, hash: decimal };

export const moveReceipt = z.strictObject({
  ...{ format: z.literal(RECEIPT_FORMAT), kind: z.literal("move"), operation: z.uuid(), tenant: name },
  ...{ from: home, to: home },
  decidedBy: z.strictObject({
    actor: name,
    reason: text.nullable(),
    /** What a trigger saw; null where a person asked. */
    trigger: z
      .strictObject({
        ...{ decision: z.uuid(), direction: z.enum(DIRECTIONS), hour: instant, configVersion: z.int() },
        reasons: z.array(
          z.strictObject({
            ...{ metric: z.enum(TRIGGER_METRICS), value: z.number(), limit: z.number() },
            windowHours: z.int(),
          }),
        ),
        approvedBy: name.nullable(),
      })
      .nullable(),
  }),
  times: z.strictObject({ startedAt: instant, flippedAt: instant, endedAt: instant }),
  steps: z.array(z.strictObject({ name, startedAt: instant, finishedAt: instant })),
  epochs: z.strictObject({ before: count, after: count }),
  positions: z.strictObject({
    /** Rows below these were copied; what came from here on, the target ingested by itself. */
    mark: positions,
    /** Of the source when it was closed, and of the target when it became home. */
    final: positions,
  }),
  /** What was copied, and compared. Times as the database writes them; `-infinity` and `infinity` too. */
  ranges: z.array(z.strictObject({ type: name, from: name, to: name, ...equal })).max(MAX_RANGES),
  /** What came by the log into both cells, and was compared: from the mark to the final positions, in one or more pieces. */
  tails: z.array(
    z.strictObject({
      ...{ from: positions, until: positions },
      series: z.array(z.strictObject({ type: name, ...equal })),
    }),
  ),
  /** What came along with the mark. */
  sideTables: z.array(z.strictObject({ name, ...equal })),
  /** Of the ranges; bytes as they went over the wire, null where they were not counted to the end. */
  totals: z.strictObject({ rowCount: count, byteCount: count.nullable() }),
  pause: z.strictObject({
    /** The longest time that a writer from outside could not have stored anything; null where nobody looked to the end. */
    seen: z.strictObject({ pauseMs: durationMs, probeCount: z.int(), intervalMs: durationMs }).nullable(),
    /** From before the source was closed until after the target was open, as the flip itself took it. */
    flipMs: durationMs.nullable(),
  }),
  /** `quote`: what the tenant was quoted in either home. `list-price`, on older receipts: of sizes of databases. */
  cost: z.strictObject({
    source: z.enum(["quote", "list-price"]),
    ...{ beforeUsdPerMonth: usd, afterUsdPerMonth: usd },
  }),
  /** Until then the old home follows, and the way back takes as long as the flip. */
  rollbackUntil: instant,
});
export type MoveReceipt = z.infer<typeof moveReceipt>;

export const cleanUpReceipt = z.strictObject({
  ...{ format: z.literal(RECEIPT_FORMAT), kind: z.literal("clean-up"), operation: z.uuid(), tenant: name },
  move: z.strictObject({ operation: z.uuid(), receiptSha256: sha256Hex }),
  /** The old home. */
  cell: name,
  /** Rows that went, by table. */
  rows: z.record(name, count),
  droppedAt: instant,
});
export type CleanUpReceipt = z.infer<typeof cleanUpReceipt>;

export const receipt = z.discriminatedUnion("kind", [moveReceipt, cleanUpReceipt]);
export type Receipt = z.infer<typeof receipt>;

export const signedReceipt = z
  .strictObject({
    receipt,
    signature: z.strictObject({
      algorithm: z.literal("Ed25519"),
      keyFingerprint: sha256Hex.meta({ description: "SHA-256 of the public key in DER" }),
      publicKey: z.string().max(200).meta({ description: "PEM" }),
      value: z.string().max(100).meta({ description: "Of the receipt as canonical JSON, in base64" }),
    }),
  })
  .meta({ id: "Receipt" });
export type SignedReceipt = z.infer<typeof signedReceipt>;
