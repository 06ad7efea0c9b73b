import { expect } from "chai";
import { readdirSync } from "node:fs";
import path from "node:path";
import { MillwrightError } from "../../../model/errors.ts";
import { lineOf } from "../../../model/cost/cost-line.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { chargeOf, priceBookSchema, priceOf } from "../../../model/cost/price-book.ts";
import { bookOf, newestOf, SNAPSHOTS } from "../../../model/cost/price-books.ts";
import { exactly } from "../../../model/cost/range.ts";

const HOURS = 730;
const PRICES = path.join(import.meta.dirname, "../../../model/cost/prices/aws");

const date = "2026-11-22";
const usEast1 = bookOf({ region: "us-east-1", date });
const euWest2 = bookOf({ region: "eu-west-2", date });

/** What a month of it is printed as by whoever published the price: to the cent, quantities counted by hand. */
const PRINTED = {
  "us-east-1": [
    ["rds/postgresql/db.r6g.xlarge/single-az", HOURS, 328.5],
    ["rds/postgresql/db.r6g.xlarge/multi-az", HOURS, 656.27],
    ["rds/postgresql/db.t4g.small/single-az", HOURS, 23.36],
    ["rds/postgresql/db.t4g.small/multi-az", HOURS, 47.45],
    ["rds/gp3-storage/multi-az", 100, 23],
    ["rds/extended-support", 2 * HOURS, 146],
    ["rds/proxy", 4 * HOURS, 43.8],
    ["rds/database-insights-advanced", 4 * HOURS, 36.5],
    ["rds/performance-insights/db.m5.large", 2, 7.63],
    ["ec2/instance/r6g.2xlarge", 2 * HOURS, 588.67],
    ["ec2/instance/t3.medium", HOURS, 30.37],
    ["ebs/gp3-storage", 2 * 2_000, 320],
    ["ebs/gp3-throughput", 5, 0.2],
    ["msk/broker/kafka.m5.large", 3 * HOURS, 459.9],
    ["msk/broker/kafka.m7g.large", 3 * HOURS, 446.76],
    ["msk/broker/kafka.t3.small", 3 * HOURS, 99.86],
    ["msk/broker/express.m7g.large", 3 * HOURS, 893.52],
    ["msk/serverless/cluster-hours", HOURS, 547.5],
    ["msk/serverless/partition-hours", HOURS, 1.1],
    ["nat/hours", 3 * HOURS, 98.55],
    ["ipv4/hours", 3 * HOURS, 10.95],
    ["vpc-endpoint/hours", 5 * 2 * HOURS, 73],
    ["nlb/hours", HOURS, 16.43],
    ["transit-gateway/attachment-hours", HOURS, 36.5],
    ["fargate/vcpu/x86-64", HOURS, 29.55],
    ["fargate/memory/x86-64", HOURS, 3.24],
    ["lambda/requests", 1e6, 0.2],
    ["api-gateway/rest-requests", 1e6, 3.5],
    ["api-gateway/http-requests", 50e6, 50],
    ["iot/messages", 116.6e6, 116.6],
    ["s3/put-requests", 1_000, 0.01],
    ["s3/put-requests", 1e6, 5],
    ["s3/get-requests", 1e6, 0.4],
    ["s3/transition/deep-archive", 1e6, 50],
    ["kinesis/put-units", 1e6, 0.01],
    ["sns/email-deliveries", 1e5, 2],
    ["sns/http-deliveries", 1e5, 0.06],
    ["kms/requests", 1e4, 0.03],
    ["secrets-manager/requests", 1e4, 0.05],
    ["cloudwatch/metrics", 7, 2.1],
    ["cloudtrail/data-events", 1e5, 0.1],
  ],
  "eu-west-2": [
    ["ec2/instance/r6g.2xlarge", 2 * HOURS, 691.46],
    ["ebs/gp3-storage", 2 * 2_000, 371.2],
    ["nat/hours", 3 * HOURS, 109.5],
    ["ipv4/hours", 3 * HOURS, 10.95],
    ["vpc-endpoint/hours", 5 * 2 * HOURS, 80.3],
    ["rds/proxy", 4 * HOURS, 49.64],
    ["s3/put-requests", 1e6, 5.3],
    ["api-gateway/http-requests", 1e6, 1.16],
    ["rds/postgresql/db.t4g.small/single-az", HOURS, 26.28],
    ["route53/zones", 25, 12.5],
    ["route53/zones", 26, 12.6],
    ["ecr/storage", 10, 1],
    ["ses/recipients", 1e4, 1],
    ["cloudwatch/log-ingest", 100, 59.85],
  ],
} as const;

describe("the price books", () => {
  for (const book of [usEast1, euWest2])
    it(`of ${book.region} give the printed sums`, () => {
      for (const [key, quantity, printedUsd] of PRINTED[book.region as keyof typeof PRINTED]) {
        const usd = usdOf(chargeOf(priceOf(book, key, "this test"), quantity));
        expect(usd, `${quantity} of ${key}`).to.be.closeTo(printedUsd, 0.0051);
      }
    });

  it("add up to the printed month of three tenants' fixed resources", () => {
    const resources = [
      ["ec2/instance/r6g.2xlarge", 2 * HOURS],
      ["ebs/gp3-storage", 4_000],
      ["rds/postgresql/db.r6g.xlarge/multi-az", HOURS],
      ["rds/gp3-storage/multi-az", 100],
      ["msk/broker/kafka.m7g.large", 3 * HOURS],
      ["msk/storage", 300],
      ["nat/hours", 3 * HOURS],
      ["ipv4/hours", 3 * HOURS],
      ["vpc-endpoint/hours", 15 * 2 * HOURS],
    ] as const;
    const sum = resources.reduce(
      (total, [key, quantity]) => total + chargeOf(priceOf(usEast1, key, "a tenant"), quantity),
      0,
    );
    expect(Math.round(usdOf(sum))).to.equal(2_393);
  });

  it("say which prices are of weak sources, and why", () => {
    const weak = [usEast1, euWest2].flatMap(({ prices }) =>
      Object.values(prices).filter(({ isVerified, source }) => !isVerified || ["J", "L"].includes(source)),
    );
    expect(weak).to.have.length.above(10);
    for (const { isVerified, note } of weak) {
      expect(isVerified).to.equal(false);
      expect(note).to.have.length.above(5);
    }
  });

  it("are all registered, each under the region and day of its path", () => {
    const files = readdirSync(PRICES).flatMap((region) =>
      readdirSync(path.join(PRICES, region)).map((file) => `${region}/${file}`),
    );
    expect(SNAPSHOTS.map((book) => `${book.region}/${book.date}.json`)).to.have.members(files);
    for (const snapshot of SNAPSHOTS) expect(priceBookSchema.safeParse(snapshot).error).to.equal(undefined);
  });

  it("have no price for what nobody has verified, and name what needs it", () => {
    const broker = {
      component: "event-log",
      price: "msk/broker/kafka.m7g.large",
      quantity: exactly(1),
    } as const;
    expect(() => lineOf(euWest2, "acme-production-log", broker))
      .to.throw(MillwrightError, /eu-west-2.*'msk\/broker\/kafka\.m7g\.large'.*acme-production-log/)
      .with.property("code", "price-missing");
    // a key is never looked up in what every object has
    expect(() => priceOf(usEast1, "constructor", "a test")).to.throw(/no price 'constructor'/);
  });
});

describe("the book of a day", () => {
  const days = ["2026-11-20", "2026-12-24", "2026-12-03"].map((date) => ({ region: "eu-west-2", date }));

  it("is the newest that is not after it", () => {
    const of = (date: string) => newestOf(days, { region: "eu-west-2", date }).date;
    expect([of("2026-11-20"), of("2026-12-02"), of("2026-12-03"), of("2027-05-01")]).to.deep.equal([
      "2026-11-20",
      "2026-11-20",
      "2026-12-03",
      "2026-12-24",
    ]);
  });

  it("is missing before the first one: prices from the future are not used", () => {
    expect(() => bookOf({ region: "us-east-1", date: "2026-11-19" }))
      .to.throw(MillwrightError, /first prices of us-east-1 are of 2026-11-20.*none of 2026-11-19/)
      .with.property("code", "price-book-missing");
  });

  it("is missing in a region without prices, with those that have some", () => {
    expect(() => bookOf({ region: "eu-central-1", date }))
      .to.throw(MillwrightError, /'eu-central-1', only of eu-west-2, us-east-1/)
      .with.property("code", "price-book-missing");
  });
});

describe("a snapshot of prices", () => {
  const usd = (steps: unknown) => ({
    ...usEast1,
    prices: { "nat/hours": { ...usEast1.prices["nat/hours"], steps } },
  });
  const refused: Record<string, unknown> = {
    "without the source of a price": { ...usEast1, sources: {} },
    "in another currency": { ...usEast1, currency: "EUR" },
    "of no day": { ...usEast1, date: "2026-02-30" },
    "with a negative price": usd([{ from: 0, usd: -1 }]),
    "with steps that do not begin at 0": usd([{ from: 1, usd: 1 }]),
    "with steps that fall": usd([
      { from: 0, usd: 1 },
      { from: 9, usd: 1 },
      { from: 5, usd: 1 },
    ]),
    "with an unknown field": { ...usEast1, discount: 0.5 },
  };
  for (const [what, snapshot] of Object.entries(refused))
    it(`${what} is refused`, () => expect(priceBookSchema.safeParse(snapshot).success).to.equal(false));
});
