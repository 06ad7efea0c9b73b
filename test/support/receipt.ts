import { generateKeyPairSync } from "node:crypto";
import { publicKeyOf, type ReceiptKey } from "../../automation/moves/receipt-key.ts";
import type { MoveFacts } from "../../model/receipt-facts.ts";

/** A move as its steps know it at its end; nothing in it is special. */
export const moveFacts: MoveFacts = {
  operation: "0199a8b0-0000-7000-8000-000000000001",
  tenant: "acme",
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
  startedAt: new Date("2026-11-21T10:00:00Z"),
  flippedAt: new Date("2026-11-21T10:04:10Z"),
  endedAt: new Date("2026-11-21T10:04:12Z"),
  rollbackUntil: new Date("2026-11-22T10:04:12Z"),
  steps: [
    step("build-target", "10:00:00", "10:00:40"),
    step("copy", "10:00:41", "10:03:00"),
    step("prove", "10:03:00", "10:03:50"),
    step("catch-up", "10:03:50", "10:04:08"),
    step("flip", "10:04:09.500", "10:04:10.100"),
  ],
  epochs: { before: 1n, after: 2n },
  positions: {
    mark: [{ topic: "acme.readings.g1", partition: 0, nextOffset: 120_000n }],
    final: [{ topic: "acme.readings.g1", partition: 0, nextOffset: 9_007_199_254_740_993n }],
  },
  ranges: [
    range("machine", "-infinity", "2026-11-20 00:00:00+00", 500_000n, "-12345678901234567890123"),
    range("machine", "2026-11-20 00:00:00+00", "infinity", 1_234n, "987654321"),
    range("energy", "-infinity", "infinity", 0n, "0"),
  ],
  tails: [
    {
      from: [{ topic: "acme.readings.g1", partition: 0, nextOffset: 120_000n }],
      until: [{ topic: "acme.readings.g1", partition: 0, nextOffset: 9_007_199_254_740_993n }],
      series: [{ type: "machine", proof: { count: 77n, hash: "55" } }],
    },
  ],
  sideTables: [{ name: "usage", proof: { count: 3n, hash: "9" } }],
  byteCount: 123_456_789n,
  pause: { seen: { pauseMs: 184.2, probeCount: 2_400, intervalMs: 10 }, flipMs: 131.5 },
  listPrices: { beforeUsdPerMonth: 6, afterUsdPerMonth: 500 },
};

function step(name: string, from: string, to: string) {
  const at = (time: string) => new Date(`2026-11-21T${time}Z`).toISOString();
  return { name, startedAt: at(from), finishedAt: at(to) };
}

function range(type: string, from: string, to: string, count: bigint, hash: string) {
  return { type, from, to, proof: { count, hash } };
}

function newReceiptKey(): ReceiptKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, ...publicKeyOf(publicKey) };
}

export const testReceiptKey = newReceiptKey();
