import { expect } from "chai";
import { platformLines, tenantLines } from "../../../model/cost/materials.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { PRICE_RULES } from "../../../model/cost/price-rules.ts";
import { componentOfPrice, priceOfUse } from "../../../model/cost/reported-use.ts";
import { unmeteredCharges } from "../../../model/cost/unmetered-charges.ts";
import { usageCharges } from "../../../model/cost/usage-charges.ts";
import { assumedUsage } from "../../../model/cost/usage.ts";

const book = bookOf({ region: "us-east-1", date: "2026-11-22" });
const standing = [
  ...platformLines(book, "development"),
  ...platformLines(book, "production"),
  ...tenantLines(book, "shared"),
  ...tenantLines(book, "dedicated"),
];

describe("what a report says was used", () => {
  it("is matched with every price that a stack is charged with, and is of the same part of the platform", () => {
    const rules = PRICE_RULES.flatMap(({ offer, rules }) => rules.map((rule) => ({ offer, ...rule })));
    const charged = new Map(standing.map(({ price, component }) => [price, component]));
    expect(charged.size).to.be.above(15);
    for (const [price, component] of charged) {
      const rule = rules.find(({ key }) => key === price);
      expect(rule, `no rule for ${price}`).to.not.equal(undefined);
      const { offer: product = "", usageType = "", where = {} } = rule ?? {};
      const used = { product, usageType: `EUW2-${usageType}`, operation: where["operation"] ?? "" };
      expect(priceOfUse(used), price).to.deep.equal({ component, price });
    }
  });

  it("is one of the platform's parts for every price by use", () => {
    const usage = assumedUsage(15);
    const channels = { mailPart: 0.5, topicPart: 0.5 };
    const charges = [
      ...usageCharges(usage, { preset: "production", entrance: "http" }),
      ...unmeteredCharges(usage, { entrance: "iot", machines: 15, assumptions: channels }),
    ];
    for (const { price, component } of charges) expect(componentOfPrice(price), price).to.equal(component);
  });

  it("keeps its own name where the book has no price for it, and tells load balancers apart by what they do", () => {
    const use = (product: string, usageType: string, operation = "") =>
      priceOfUse({ product, usageType, operation });
    expect(use("AmazonEC2", "EBS:VolumeUsage.io2")).to.deep.equal({
      ...{ component: "time-series", price: "EBS:VolumeUsage.io2" },
    });
    expect(use("AmazonEC2", "BoxUsage:r7g.large", "RunInstances:0002")?.price).to.equal("BoxUsage:r7g.large");
    expect(use("AmazonEC2", "EUW2-DataTransfer-Regional-Bytes")?.price).to.equal("data-transfer/cross-az");
    expect(use("AWSELB", "LoadBalancerUsage", "LoadBalancing:Application")?.price).to.equal("alb/hours");
    expect(use("AWSELB", "LoadBalancerUsage", "LoadBalancing:Network")?.price).to.equal("nlb/hours");
    expect(use("AmazonQuickSight", "USE1-Seat")).to.equal(undefined);
  });
});
