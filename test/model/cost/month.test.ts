import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { monthNamed, monthOf, standingBetween } from "../../../model/cost/month.ts";

const MODULE = fileURLToPath(new URL("../../../model/cost/month.ts", import.meta.url));

describe("a month of a bill", () => {
  it("is of UTC: 24 hours a day, also where clocks change in it", () => {
    const hours = (name: string) => monthNamed(name)?.hours;
    expect(["2026-03", "2026-10", "2026-11"].map(hours)).to.deep.equal([744, 744, 720]);
    expect(["2026-02", "2028-02", "2026-12"].map(hours)).to.deep.equal([672, 696, 744]);
    for (const zone of ["Europe/London", "America/New_York", "Pacific/Auckland"]) {
      const program = `
        const { monthNamed, monthOf } = await import(${JSON.stringify(MODULE)});
        const instant = Date.UTC(2026, 2, 31, 23, 59, 59, 999);
        console.log(JSON.stringify([new Date(2026, 2, 31).getTimezoneOffset(), monthNamed("2026-03"), monthOf(instant)]));`;
      const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
        env: { TZ: zone },
        encoding: "utf8",
      });
      const [offset, named, found] = JSON.parse(printed) as [number, object, object];
      expect(offset, `${zone} is not UTC then`).not.to.equal(0);
      expect([named, found]).to.deep.equal([monthNamed("2026-03"), monthNamed("2026-03")]);
    }
  });

  it("begins where the one before ends", () => {
    for (const [name, next] of [
      ["2026-12", "2027-01"],
      ["2026-01", "2026-02"],
    ] as const)
      expect(monthNamed(name)?.toMs).to.equal(monthNamed(next)?.fromMs);
    const december = monthNamed("2026-12");
    expect(monthOf((december?.toMs ?? 0) - 1)).to.deep.equal(december);
  });

  it("is one month, whatever its length, and a time over several is the sum of its parts", () => {
    const from = Date.UTC(2026, 0, 1);
    expect(standingBetween(Date.UTC(2026, 1, 1), Date.UTC(2026, 2, 1))).to.deep.equal({
      hours: 672,
      months: 1,
    });
    expect(standingBetween(from, Date.UTC(2027, 0, 1))).to.deep.equal({ hours: 8_760, months: 12 });
    expect(standingBetween(from + 1, from)).to.deep.equal({ hours: 0, months: 0 });
    const instant = fc.integer({ min: from, max: from + 400 * 86_400_000 });
    fc.assert(
      fc.property(instant, instant, instant, (...instants) => {
        const [a, b, c] = instants.toSorted((x, y) => x - y) as [number, number, number];
        const [first, second, whole] = [standingBetween(a, b), standingBetween(b, c), standingBetween(a, c)];
        expect(first.months + second.months).to.be.closeTo(whole.months, 1e-9);
        expect(first.hours + second.hours).to.be.closeTo(whole.hours, 1e-6);
      }),
    );
  });

  it("is named by four digits and two", () => {
    for (const wrong of ["2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "", "now"])
      expect(monthNamed(wrong), wrong).to.equal(undefined);
  });
});
