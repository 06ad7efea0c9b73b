import { expect } from "chai";
import { billedFor, type BillLine } from "../../../model/cost/bill.ts";
import { ONE_MONTH, standingBetween } from "../../../model/cost/month.ts";

const lineOf = (unit: string, quantity: number): BillLine => ({
  ...{
    component: "time-series",
    price: "ebs/gp3-storage",
    of: "Volume data",
    unit,
    quantity,
    amount: 8_000_000,
  },
});
const disk = lineOf("GB-month", 100);
const server = lineOf("hour", 730);
const february = standingBetween(Date.UTC(2026, 1, 1), Date.UTC(2026, 2, 1));
const march = standingBetween(Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 1));

describe("what stood for a while", () => {
  it("is billed by the real hours, and by the month where the price is for a month, as AWS does", () => {
    expect(billedFor(disk, february)).to.deep.equal(disk);
    expect(billedFor(disk, march)).to.deep.equal(disk);
    expect([february, march].map((time) => billedFor(server, time).quantity)).to.deep.equal([672, 744]);
    expect(billedFor(server, february).amount).to.equal(Math.round((8_000_000 * 672) / 730));
  });

  it("is billed as it was quoted in the month that quotes are for", () => {
    for (const line of [disk, server]) expect(billedFor(line, ONE_MONTH)).to.deep.equal(line);
  });

  it("is billed for the part of the month in which it stood", () => {
    const half = standingBetween(Date.UTC(2026, 1, 1), Date.UTC(2026, 1, 15));
    expect(billedFor(disk, half)).to.include({ quantity: 50, amount: 4_000_000 });
    expect(billedFor(server, half).quantity).to.equal(336);
  });
});
