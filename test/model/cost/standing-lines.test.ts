import { expect } from "chai";
import { monthlyLine, sumOf, type BillLine } from "../../../model/cost/bill.ts";
import { platformLines, tenantLines } from "../../../model/cost/materials.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { standingLines } from "../../../model/cost/standing-lines.ts";

const DAY_MS = 86_400_000;
const day = (number: number) => Date.UTC(2026, 9, number);
const october = { fromMs: day(1), toMs: day(32) };
const book = bookOf({ region: "us-east-1", date: "2026-11-22" });
const platform = (cells: number) => platformLines(book, "production", cells).map(monthlyLine);
const stood = (lines: readonly BillLine[], fromMs: number, toMs: number, owner: string | null = null) => ({
  ...{ owner, fromMs, toMs, lines },
});

describe("the lines of what stood", () => {
  it("are as many with ten cells, of six records, as with one, and cost the same as one by one", () => {
    const one = standingLines([stood(platform(1), 0, Infinity)], [october]);
    const records = [1, 2, 3, 5, 8, 10].map((cells, index) =>
      stood(platform(cells), day(1 + index * 5), index === 5 ? Infinity : day(6 + index * 5)),
    );
    const merged = standingLines(records, [october]);
    const apart = records.flatMap((record) =>
      record.lines.flatMap((line) => standingLines([{ ...record, lines: [line] }], [october])),
    );
    expect(merged.map(({ of, price }) => [of, price])).to.deep.equal(one.map(({ of, price }) => [of, price]));
    expect(sumOf(merged)).to.equal(sumOf(apart));
    for (const { of } of merged) expect(of).to.not.match(/shared-1|shared cell/);
  });

  it("say what they are for: each thing of the platform, and once what all cells have", () => {
    const servers = standingLines([stood(platform(2), 0, Infinity)], [october]).filter(({ price }) =>
      price.startsWith("ec2/instance"),
    );
    expect(servers.map(({ of, quantity }) => [of, quantity])).to.deep.equal([
      ["Instance shared-*-a", 2 * 744],
      ["Instance shared-*-b", 2 * 744],
    ]);
    const names = new Set(platformLines(book, "production").map(({ of, price }) => `${of} ${price}`));
    expect(standingLines([stood(platform(1), 0, Infinity)], [october])).to.have.length(names.size);
  });

  it("never put two payers' things together", () => {
    const lines = tenantLines(book, "dedicated").map(monthlyLine);
    const owned = standingLines(
      ["acme", "globex"].map((owner) => stood(lines, 0, Infinity, owner)),
      [october],
    );
    expect(owned).to.have.length(2 * lines.length);
    expect(Object.keys(Object.groupBy(owned, ({ owner }) => owner ?? ""))).to.deep.equal(["acme", "globex"]);
  });

  it("say how much was in which span, if there are several", () => {
    const spans = [
      { fromMs: day(1), toMs: day(2) },
      { fromMs: day(2), toMs: day(5) },
    ];
    const hourly: BillLine = {
      ...{ component: "network", price: "nat/hours", of: "nat", unit: "hour", quantity: 730 },
      amount: 730e6,
    };
    const records = [stood([hourly], 0, day(1) + DAY_MS / 2), stood([hourly], day(1) + DAY_MS / 2, Infinity)];
    expect(standingLines(records, spans)).to.deep.equal([
      { ...hourly, owner: null, quantity: 96, amount: 96e6, bySpan: [24e6, 72e6] },
    ]);
  });
});
