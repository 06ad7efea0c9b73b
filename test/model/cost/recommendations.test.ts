import { expect } from "chai";
import { lineOf, type CostLine } from "../../../model/cost/cost-line.ts";
import { priceBookSchema, type PriceBook } from "../../../model/cost/price-book.ts";
import { exactly } from "../../../model/cost/range.ts";
import {
  recommend,
  type CellLoad,
  type RecommendationFacts,
  type RecommendationKind,
} from "../../../model/cost/recommendations.ts";

const price = (usd: number) => ({
  ...{ unit: "hour", steps: [{ from: 0, usd }], sku: null, source: "T", isVerified: true },
});
const bookWith = (prices: Readonly<Record<string, number>>): PriceBook =>
  priceBookSchema.parse({
    ...{ cloud: "aws", region: "us-east-1", date: "2026-11-20", currency: "USD" },
    sources: { T: { what: "test", date: null } },
    prices: Object.fromEntries(Object.entries(prices).map(([key, usd]) => [key, price(usd)])),
  });

const PRICES = {
  "ec2/instance/r6g.2xlarge": 0.4,
  "ec2/instance/r6g.xlarge": 0.2,
  "ebs/gp3-storage": 0.08,
  "cloudwatch/log-storage": 0.03,
  "msk/broker/kafka.m5.large": 0.21,
  "msk/broker/kafka.m7g.large": 0.2,
};

const busy: CellLoad = {
  ...{ cell: "shared-1", tier: "shared", tenantCount: 3, measuredHours: 720, servers: 2 },
  ...{ instanceType: "r6g.2xlarge", vcpuCount: 8, dataVolumeGb: 2_000, usdPerMonth: exactly(943) },
  ...{ peakBusyConnections: 4, storedGb: 900 },
};
const book = bookWith(PRICES);
const nothing: RecommendationFacts = {
  ...{ book, cells: [busy], idleDedicated: [], standing: [] },
  tenantUsd: { shared: exactly(1), dedicated: { low: 500, expected: 501, high: 600 } },
  logs: { gbPerMonth: exactly(10), retentionDays: 30 },
};

const found = (facts: Partial<RecommendationFacts>) => recommend({ ...nothing, ...facts });
const only = (facts: Partial<RecommendationFacts>, kind: RecommendationKind) => {
  const all = found(facts);
  expect(all.map((one) => one.kind)).to.deep.equal([kind]);
  return all[0];
};
const brokers = (type: string): CostLine =>
  lineOf(bookWith({ [type]: 0.21 }), "event-log", {
    ...{ component: "event-log", price: type, quantity: exactly(2_190) },
  });

describe("recommendations", () => {
  it("are none where nothing is idle, large or old", () => {
    expect(found({})).to.deep.equal([]);
  });

  it("send an idle dedicated tenant back, by what both tiers cost", () => {
    const reasons = [{ metric: "queriesPerSecond", value: 2, limit: 25, windowHours: 336 }] as const;
    const one = only({ idleDedicated: [{ tenant: "acme", reasons }] }, "dedicated-tenant-idle");
    expect(one?.subject).to.equal("acme");
    expect(one?.savingUsd).to.deep.equal({ low: 499, expected: 500, high: 599 });
    expect(one?.evidence).to.deep.equal([{ name: "queriesPerSecond", value: 2, limit: 25 }]);
  });

  it("take down a database that nobody lives in, and look at nothing else of it", () => {
    const empty = { ...busy, tenantCount: 0, storedGb: 0, peakBusyConnections: 0 };
    const other = { ...busy, cell: "shared-2" };
    expect(only({ cells: [empty, other] }, "cell-empty")?.savingUsd).to.deep.equal(exactly(943));
    expect(found({ cells: [empty] }), "the last one").to.deep.equal([]);
  });

  it("take servers of half the size where a fifth of the processors was never busy", () => {
    const at = (peakBusyConnections: number) => ({ cells: [{ ...busy, peakBusyConnections }] });
    expect(found(at(1.6))).to.deep.equal([]);
    const one = only(at(1.59), "servers-oversized");
    expect(one?.savingUsd?.expected).to.be.closeTo(2 * 730 * 0.2, 1e-6);
    expect(one?.action).to.include("r6g.xlarge instead of r6g.2xlarge");
  });

  it("take a smaller volume where a quarter was never filled, and leave half of it free", () => {
    const at = (storedGb: number) => ({ cells: [{ ...busy, storedGb }] });
    expect(found(at(500))).to.deep.equal([]);
    // 120 GB: 300 would be enough, so 1,700 on each of two servers are saved
    const one = only(at(120), "volume-oversized");
    expect(one?.savingUsd?.expected).to.be.closeTo(2 * 1_700 * 0.08, 1e-6);
  });

  it("judge no database by less than two weeks", () => {
    const young = { ...busy, peakBusyConnections: 0, storedGb: 0, measuredHours: 335 };
    expect(found({ cells: [young] })).to.deep.equal([]);
    expect(found({ cells: [{ ...young, measuredHours: 336 }] })).to.have.length(2);
  });

  it("keep logs for a month", () => {
    const one = only({ logs: { gbPerMonth: exactly(10), retentionDays: 90 } }, "log-retention-long");
    expect(one?.savingUsd?.expected).to.be.closeTo(10 * 2 * 0.03, 1e-9); // two months more of 10 GB each
  });

  it("name the Arm twin of what runs on x86, and commitments for what stands all month", () => {
    const all = found({ standing: [brokers("msk/broker/kafka.m5.large")] });
    expect(all.map(({ kind }) => kind)).to.deep.equal(["graviton", "commitment"]);
    expect(all[0]?.savingUsd?.expected).to.be.closeTo(2_190 * 0.01, 1e-6);
  });

  it("guess no price: they name it, and stand last", () => {
    const [graviton, commitment] = found({
      book: bookWith({ "msk/broker/kafka.m5.large": 0.21 }),
      standing: [brokers("msk/broker/kafka.m5.large")],
    });
    expect([graviton?.savingUsd, graviton?.missingPrices]).to.deep.equal([
      null,
      ["msk/broker/kafka.m7g.large"],
    ]);
    expect([commitment?.savingUsd, commitment?.missingPrices]).to.deep.equal([
      null,
      ["commitment/one-year/msk/broker/kafka.m5.large"],
    ]);
    expect(commitment?.action).to.include("no price");
  });

  it("tell what a commitment saves where the book has its price", () => {
    const committed = { ...PRICES, "commitment/one-year/msk/broker/kafka.m7g.large": 0.15 };
    const line = { ...brokers("msk/broker/kafka.m7g.large"), amount: exactly(2_190 * 200_000) };
    const one = only({ book: bookWith(committed), standing: [line] }, "commitment");
    expect(one?.savingUsd?.expected).to.be.closeTo(2_190 * 0.05, 1e-6);
  });

  it("propose no Arm that is dearer", () => {
    const dearer = bookWith({ ...PRICES, "msk/broker/kafka.m7g.large": 0.3 });
    const kinds = found({ book: dearer, standing: [brokers("msk/broker/kafka.m5.large")] });
    expect(kinds.map(({ kind }) => kind)).to.deep.equal(["commitment"]);
  });
});
