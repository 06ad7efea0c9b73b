import { expect } from "chai";
import fc from "fast-check";
import { anomalyOf } from "../../../model/cost/anomaly.ts";
import { stepReached } from "../../../model/cost/budget.ts";
import { forecastMonth, type DayAmount } from "../../../model/cost/forecast.ts";

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 8, 1);
const amount = fc.nat(1e9);
const daysFrom = (amounts: readonly number[]): readonly DayAmount[] =>
  amounts.map((each, index) => ({ dayMs: FIRST_MS + index * DAY_MS, amount: each }));
const history = fc.array(amount, { minLength: 1, maxLength: 56 }).map(daysFrom);

describe("forecastMonth", () => {
  const november = { fromMs: Date.UTC(2026, 10, 11, 6), toMs: Date.UTC(2026, 11, 1) };

  it("lies in its range, and never below what the month has come to already", () => {
    fc.assert(
      fc.property(amount, history, (soFar, days) => {
        const { low, expected, high } = forecastMonth(soFar, days, november)!;
        expect(low).to.be.at.least(soFar).and.at.most(expected);
        expect(high).to.be.at.least(expected);
      }),
    );
  });

  it("rises with every day that was dearer", () => {
    fc.assert(
      fc.property(history, fc.nat(55), amount, (days, index, more) => {
        const dearer = days.map((day, at) => (at === index ? { ...day, amount: day.amount + more } : day));
        const [there, then] = [days, dearer].map((each) => forecastMonth(0, each, november)!.expected);
        expect(then).to.be.at.least(there!);
      }),
    );
  });

  it("expects of each weekday what it came to last", () => {
    const week = [70, 10, 20, 30, 40, 50, 60];
    const days = daysFrom([...Array.from({ length: 7 }, () => 999), ...week, ...week]);
    const fromMs = FIRST_MS + 21 * DAY_MS;
    const { expected } = forecastMonth(5, days, { fromMs, toMs: fromMs + 8.5 * DAY_MS })!;
    expect(expected).to.equal(5 + week.reduce((sum, one) => sum + one, 0) + 70 + 5);
  });

  it("says nothing before the first whole day", () => {
    expect(forecastMonth(5, [], november)).to.equal(undefined);
  });
});

describe("anomalyOf", () => {
  const usd = 1_000_000;
  /** Workdays of 100 USD and quiet weekends, within some cents. */
  const noise = fc.array(fc.integer({ min: -2 * usd, max: 2 * usd }), { minLength: 36, maxLength: 36 });
  const base = (index: number) => (index % 7 < 5 ? 100 : 20) * usd;

  it("is silent about days like the same weekdays before, and about a day that is cheaper", () => {
    fc.assert(
      fc.property(noise, fc.integer({ min: 0, max: 20 * usd }), (offsets, less) => {
        const days = daysFrom(offsets.map((offset, index) => base(index) + offset));
        const last = days.at(-1)!;
        const same = { ...last, amount: base(35) - less };
        expect(anomalyOf([...days.slice(0, -1), same])).to.equal(undefined);
      }),
    );
  });

  it("sees a workday's cost on a weekend, even when an older day leapt as well", () => {
    fc.assert(
      fc.property(noise, fc.nat(34), (offsets, leapt) => {
        const days = daysFrom(offsets.slice(0, 35).map((offset, index) => base(index) + offset));
        const history = days.map((day, index) => (index === leapt ? { ...day, amount: 5_000 * usd } : day));
        const saturday = history[33]!;
        const before = history.slice(0, 33);
        const found = anomalyOf([...before, { ...saturday, amount: 100 * usd }]);
        expect(found?.usual).to.be.within(18 * usd, 22 * usd);
      }),
    );
  });

  it("does not depend on the order of days, nor on the unit of money", () => {
    fc.assert(
      fc.property(noise, fc.integer({ min: 0, max: 200 * usd }), (offsets, last) => {
        const days = [...daysFrom(offsets.map((offset, index) => base(index) + offset))];
        days.push({ dayMs: FIRST_MS + 36 * DAY_MS, amount: last });
        const found = anomalyOf(days);
        expect(anomalyOf(days.toReversed())).to.deep.equal(found);
        const cents = anomalyOf(days.map((day) => ({ ...day, amount: day.amount * 8 })));
        expect(cents === undefined).to.equal(found === undefined);
      }),
    );
  });

  it("says nothing of a tenant's first week, nor of cents", () => {
    expect(anomalyOf(daysFrom([1, 1, 1, 1, 1, 1, 900].map((each) => each * usd)))).to.equal(undefined);
    expect(
      anomalyOf(daysFrom(Array.from({ length: 30 }, (_, index) => (index < 29 ? 100 : 900_000)))),
    ).to.equal(undefined);
  });
});

describe("stepReached", () => {
  it("is the highest step at or below the amount", () => {
    const steps = [49, 50, 79, 80, 99, 100, 1_000].map((spent) => stepReached(spent, 100));
    expect(steps).to.deep.equal([undefined, 0.5, 0.5, 0.8, 0.8, 1, 1]);
  });

  it("takes any cost for all of a budget of 0, and no cost for none of it", () => {
    expect([stepReached(0, 0), stepReached(1, 0)]).to.deep.equal([undefined, 1]);
  });
});
