import { generateKeyPairSync } from "node:crypto";
import { publicKeyOf, type ReceiptKey } from "../../automation/moves/receipt-key.ts";
import type { CleanUpReceipt, MoveReceipt } from "../../model/receipt.ts";

const OPERATION = "0199a8b0-0000-7000-8000-000000000001";
const final = [{ topic: "acme.readings.g1", partition: 0, nextOffset: "9007199254740993" }];
const mark = [{ topic: "acme.readings.g1", partition: 0, nextOffset: "120000" }];

/** A move's receipt; nothing in it is special. */
export const testMoveReceipt: MoveReceipt = {
  ...{ format: 1, kind: "move", operation: OPERATION, tenant: "acme" },
  from: { cell: "shared-1", tier: "shared" },
  to: { cell: "dedicated-acme", tier: "dedicated" },
  decidedBy: {
    actor: "triggers",
    reason: "ingestedGbPerDay 101.3 is above 100",
    trigger: {
      ...{ decision: "0199a8b0-0000-7000-8000-000000000002", direction: "upgrade", configVersion: 3 },
      hour: "2026-11-21T09:00:00.000Z",
      reasons: [{ metric: "ingestedGbPerDay", value: 101.3, limit: 100, windowHours: 24 }],
      approvedBy: null,
    },
  },
  times: { startedAt: at("10:00:00"), flippedAt: at("10:04:10"), endedAt: at("10:04:12") },
  steps: [
    step("build-target", "10:00:00", "10:00:40"),
    step("copy", "10:00:41", "10:03:00"),
    step("prove", "10:03:00", "10:03:50"),
    step("catch-up", "10:03:50", "10:04:08"),
    step("flip", "10:04:09.500", "10:04:10.100"),
  ],
  epochs: { before: "1", after: "2" },
  positions: { mark, final },
  ranges: [
    range("machine", "-infinity", "2026-11-20 00:00:00+00", "500000", "-12345678901234567890123"),
    range("machine", "2026-11-20 00:00:00+00", "infinity", "1234", "987654321"),
    range("energy", "-infinity", "infinity", "0", "0"),
  ],
  tails: [{ from: mark, until: final, series: [{ type: "machine", rowCount: "77", hash: "55" }] }],
  sideTables: [{ name: "usage", rowCount: "3", hash: "9" }],
  totals: { rowCount: "501234", byteCount: "123456789" },
  pause: { seen: { pauseMs: 184.2, probeCount: 2_400, intervalMs: 10 }, flipMs: 131.5 },
  cost: { source: "quote", beforeUsdPerMonth: 6, afterUsdPerMonth: 500 },
  rollbackUntil: "2026-11-22T10:04:12.000Z",
};

export const testCleanUpReceipt: CleanUpReceipt = {
  ...{ format: 1, kind: "clean-up", operation: "0199a8b0-0000-7000-8000-000000000003", tenant: "acme" },
  move: { operation: OPERATION, receiptSha256: "ab".repeat(32) },
  ...{ cell: "shared-1", rows: { usage: "1440" }, droppedAt: "2026-11-23T00:00:00.000Z" },
};

function at(time: string): string {
  return new Date(`2026-11-21T${time}Z`).toISOString();
}

function step(name: string, from: string, to: string) {
  return { name, startedAt: at(from), finishedAt: at(to) };
}

function range(type: string, from: string, to: string, rowCount: string, hash: string) {
  return { type, from, to, rowCount, hash };
}

function newReceiptKey(): ReceiptKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, ...publicKeyOf(publicKey) };
}

export const testReceiptKey = newReceiptKey();
