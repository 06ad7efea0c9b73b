import { expect } from "chai";
import { PRICE_RULES } from "../../../model/cost/price-rules.ts";
import { withoutRegion } from "../../../model/cost/usage-type.ts";
import { countOf } from "../../../automation/cli/prices/units.ts";
import { bookOf } from "../../../model/cost/price-books.ts";

const rules = PRICE_RULES.flatMap((offer) => offer.rules);

describe("the rules of where prices stand", () => {
  it("count in the units of the books, so that a refreshed price means the same", () => {
    const date = "2026-11-22";
    for (const region of ["us-east-1", "eu-west-2"]) {
      const { prices } = bookOf({ region, date });
      for (const { key, unit } of rules) expect(prices[key]?.unit ?? unit, key).to.equal(unit);
    }
  });

  it("know every price of the book in use but a few, which are named when it is refreshed", () => {
    const keys = new Set(rules.map(({ key }) => key));
    const { prices } = bookOf({ region: "us-east-1", date: "2026-11-22" });
    expect(Object.keys(prices).filter((key) => !keys.has(key))).to.deep.equal([
      ...["cloudtrail/data-events", "cloudtrail/management-events"],
      ...["iot/connection-minutes", "iot/messages", "iot/shadow-operations"],
      ...[
        "msk/express-data-in",
        "msk/express-storage",
        "msk/serverless/cluster-hours",
        "msk/serverless/data-in",
      ],
      ...["msk/serverless/data-out", "msk/serverless/partition-hours"],
      ...["rds/database-insights-advanced", "rds/extended-support"],
      ...["rds/performance-insights/db.m5.large", "rds/performance-insights/db.t3.large"],
      ...["s3/deep-archive-retrieval", "s3/glacier-retrieval"],
    ]);
  });

  it("take the two names of one unit for what they are", () => {
    expect(countOf("MBps-month", "GiBps-mo")).to.equal(1_024);
    expect(countOf("MBps-month", "MiBps-mo")).to.equal(1);
    expect(countOf("GB-month", "GB-Mo")).to.equal(1);
    expect(countOf("GB-month", "GB")).to.equal(undefined);
  });
});

describe("the usage type without its region", () => {
  it("is the same wherever it is used", () => {
    expect(withoutRegion("BoxUsage:r7g.large", "us-east-1")).to.equal("boxusage:r7g.large");
    expect(withoutRegion("USE1-Kafka.m7g.large", "us-east-1")).to.equal("kafka.m7g.large");
    expect(withoutRegion("EUW2-BoxUsage:r7g.large", "eu-west-2")).to.equal("boxusage:r7g.large");
    expect(withoutRegion("eu-west-2-KMS-Keys", "eu-west-2")).to.equal("kms-keys");
    expect(withoutRegion("EU-NatGateway-Hours", "eu-west-1")).to.equal("natgateway-hours");
    expect(withoutRegion("EUW2-USW2-AWS-Out-Bytes", "eu-west-2")).to.equal("usw2-aws-out-bytes");
    expect(withoutRegion("HostedZone")).to.equal("hostedzone");
    expect(withoutRegion("USE1-APIRequest")).to.equal("apirequest");
  });

  it("is none for another region, or for a local zone", () => {
    expect(withoutRegion("USE1-BoxUsage:r7g.large", "eu-west-2")).to.equal(undefined);
    expect(withoutRegion("BoxUsage:r7g.large", "eu-west-2")).to.equal(undefined);
    expect(withoutRegion("LHR9-BoxUsage:r7g.large", "eu-west-2")).to.equal(undefined);
    expect(withoutRegion("Global-Request", "eu-west-2")).to.equal(undefined);
  });
});
