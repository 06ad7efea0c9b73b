import { expect } from "chai";
import { priceDecisions } from "../../../model/cost/component-matrix.ts";
import { compareOptions } from "../../../model/cost/options.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { exactly } from "../../../model/cost/range.ts";

const book = (region: string) => bookOf({ region, date: "2026-11-22" });

describe("the options of document 004", () => {
  const byId = new Map(compareOptions(exactly(3_000)).map((option) => [option.id, option]));
  const monthly = (id: "A" | "B" | "C" | "D") => {
    const { low, expected, high } = byId.get(id)?.monthlyUsd ?? exactly(NaN);
    return [low, expected, high].map((usd) => Math.round(usd * 100) / 100);
  };
  const yearly = (id: "A" | "B" | "C" | "D") => {
    const { low = NaN, high = NaN } = byId.get(id)?.yearlyUsd?.total ?? {};
    return [Math.round(low), Math.round(high)];
  };

  it("have ranges: D is computed, the others are what is printed", () => {
    expect(monthly("A")).to.deep.equal([2_500, 3_350, 4_200]);
    expect(monthly("B")).to.deep.equal([2_270, 2_935, 3_600]);
    expect(monthly("C")).to.deep.equal([21_150, 21_150, 30_000]);
    // by hand: 946.76 + 5.184 + messages + 108 + units + Lambda + 18.75 + 17.75 + 290 + 378 + 11.5 + 16.23 + 38.69 + 49.5
    expect(monthly("D")).to.deep.equal([1_962.45, 4_204.7, 5_255.54]);
  });

  it("have a yearly cost that adds up: infrastructure, labour, training, tools", () => {
    expect(yearly("A")).to.deep.equal([525_000, 720_400]);
    expect(yearly("B")).to.deep.equal([347_240, 523_200]);
    expect(yearly("C")).to.deep.equal([743_800, 1_020_000]);
    expect(yearly("D")).to.deep.equal([353_549, 553_066]);
  });

  it("stand beside what the document prints, and beside this platform where it has a price", () => {
    expect(byId.get("D")?.printed?.monthlyUsd).to.deep.equal([3_965, 3_965]);
    expect(byId.get("D")?.weeks).to.equal(24);
    expect(byId.get("D")?.notes.join()).to.include("no new customers since 2025-06-20");
    expect(byId.get("Millwright")?.usdPerTenant.expected).to.equal(100);
    expect(compareOptions(undefined).map(({ id }) => id)).to.deep.equal(["A", "B", "C", "D"]);
  });
});

describe("the decisions on document 000's components", () => {
  const usd = (region: string) =>
    Object.fromEntries(priceDecisions(book(region)).map(({ component, listUsd }) => [component, listUsd]));

  it("have today's list price of the documents' own things", () => {
    // facts of the price list, multiplied by hand
    expect(usd("us-east-1")).to.deep.equal({
      "API Gateway and its network": 328.5, // 98.55 + 10.95 + 219
      TimescaleDB: 908.672, // 2 × 730 × 0.4032 + 4,000 × 0.08
      PostgreSQL: 679.27, // 656.27 + 23
      S3: null,
      "Kafka (MSK)": 489.9, // 459.90 + 30
      Lambda: null,
      CloudWatch: null,
    });
  });

  it("say how much use the printed sums buy", () => {
    const bought = priceDecisions(book("us-east-1")).flatMap((one) => one.bought ?? []);
    expect(bought.map(({ quantity }) => Math.round(quantity))).to.deep.equal([
      42_857_143, // requests: 150 / 3.50 a million
      2_174, // GB-months: 50 / 0.023
      1e9, // invocations: 200 / 0.20 a million
      1_000, // metrics: 300 / 0.30
    ]);
  });

  it("name a price that a region does not have, and make no sum without it", () => {
    const kafka = priceDecisions(book("eu-west-2")).find(({ component }) => component === "Kafka (MSK)");
    expect(kafka?.listUsd).to.equal(null);
    expect(kafka?.missing).to.include("msk/broker/kafka.m5.large");
  });
});
