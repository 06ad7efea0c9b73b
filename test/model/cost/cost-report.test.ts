import { expect } from "chai";
import { compareCosts } from "../../../model/cost/cost-comparison.ts";
import { refuseWithoutColumns, sumReport, type ReportLine } from "../../../model/cost/cost-report.ts";
import { monthNamed } from "../../../model/cost/month.ts";
import { MillwrightError } from "../../../model/errors.ts";

const asked = { month: monthNamed("2026-10")!, environment: "production" };
const tagsOf = (tenant: string, environment = "production") =>
  JSON.stringify({ user_tenant: tenant, user_environment: environment, user_project: "millwright" });

/** A line of a report; what is left out is an hour of a shared server for 0.10 USD. */
function row(more: ReportLine = {}): ReportLine {
  return {
    ...{ type: "Usage", startedAt: "2026-10-05T13:00:00.000Z" },
    ...{ product: "AmazonEC2", usageType: "BoxUsage:r7g.large", operation: "RunInstances" },
    ...{ cost: "0.1", currency: "USD", tags: tagsOf("shared") },
    ...more,
  };
}
function sumsOf(...rows: readonly ReportLine[]) {
  const report = sumReport(asked);
  rows.forEach((line, index) => report.add(line, `line ${index + 2}`));
  return report.sums();
}
function codeOf(work: () => unknown): [string, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof MillwrightError) return [error.code, error.message];
    throw error;
  }
  throw new Error("it was taken");
}

describe("a Cost and Usage Report", () => {
  it("is summed up by the tag of the stack and the price, whatever the region", () => {
    const sums = sumsOf(
      row(),
      row({ usageType: "EBS:VolumeUsage.gp3", cost: "0.25" }),
      row({ usageType: "EUW2-EBS:VolumeUsage.gp3", cost: "0.25" }),
      row({ usageType: "USE1-NatGateway-Hours", operation: "NatGateway", cost: "0.045" }),
      row({ product: "AmazonMSK", usageType: "USE1-Kafka.m9.huge", tags: tagsOf("acme"), cost: "1E-1" }),
    );
    expect(sums).to.deep.equal({
      matched: [
        { owner: "shared", component: "time-series", price: "ec2/instance/r7g.large", amount: 100_000 },
        { owner: "shared", component: "time-series", price: "ebs/gp3-storage", amount: 500_000 },
        { owner: "shared", component: "network", price: "nat/hours", amount: 45_000 },
        { owner: "acme", component: "event-log", price: "USE1-Kafka.m9.huge", amount: 100_000 },
      ],
      ...{ unmatchedUsd: 0, besidesUseUsd: 0 },
    });
  });

  it("counts the month only, and says what it could not match", () => {
    const sums = sumsOf(
      row({ startedAt: "2026-09-30 23:00:00.000" }),
      row({ startedAt: "2026-11-01T00:00:00Z" }),
      row({ startedAt: "2026-10-31 23:00:00.000", cost: "2" }),
      row({ tags: "", cost: "3" }),
      row({ tags: tagsOf("shared", "staging"), cost: "4" }),
      row({ product: "AmazonQuickSight", cost: "5" }),
      row({ type: "Tax", tags: "", cost: "6" }),
    );
    expect(sums.matched).to.deep.equal([
      { owner: "shared", component: "time-series", price: "ec2/instance/r7g.large", amount: 2_000_000 },
    ]);
    expect(sums).to.include({ unmatchedUsd: 12, besidesUseUsd: 6 });
  });

  it("is the same from instants, numbers and maps as from their texts", () => {
    const tags = { user_tenant: "shared", user_environment: "production" };
    const typed = row({ startedAt: new Date("2026-10-05T13:00:00Z"), cost: 0.1, tags });
    expect(sumsOf(typed, row())).to.deep.equal(sumsOf(row(), row()));
    expect(sumsOf(row({ tags: null })).unmatchedUsd).to.equal(0.1);
  });

  it("is refused in another currency, without a column, and where it cannot be read", () => {
    const refused = [
      () => refuseWithoutColumns(["line_item_line_item_type", "line_item_usage_start_date"]),
      () => sumsOf(row({ currency: "EUR" })),
      () => sumsOf(row({ cost: "a lot" })),
      () => sumsOf(row({ cost: "" })),
      () => sumsOf(row({ cost: NaN })),
      () => sumsOf(row({ startedAt: 5 })),
      () => sumsOf(row({ tags: "{tenant=acme}" })),
      () => sumsOf(row({ tags: "7" })),
    ].map(codeOf);
    expect(new Set(refused.map(([code]) => code))).to.deep.equal(new Set(["cost-report-invalid"]));
    expect(refused[0]?.[1]).to.include("line_item_currency_code, resource_tags");
    expect(refused[1]?.[1]).to.include("EUR");
  });

  it("is held against the estimate line by line, with the error in percent of what was paid", () => {
    const one = (owner: string, amount: number) => ({
      owner,
      component: "network" as const,
      price: "nat/hours",
      amount,
    });
    const compared = compareCosts(
      [one("shared", 110e6), one("acme", 5e6)],
      [one("shared", 100e6), one("globex", 1e6)],
    );
    expect(compared.lines.map(({ owner, errorPercent }) => [owner, errorPercent])).to.deep.equal([
      ["shared", 10],
      ["acme", null],
      ["globex", -100],
    ]);
    const { estimateUsd, actualUsd, errorPercent } = compared.total;
    expect([estimateUsd, actualUsd]).to.deep.equal([115, 101]);
    expect(errorPercent).to.be.closeTo(13.86, 0.01);
    expect(compareCosts([], []).total.errorPercent).to.equal(null);
  });
});
