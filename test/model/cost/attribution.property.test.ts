import { expect } from "chai";
import fc from "fast-check";
import { ATTRIBUTION_RULES, USES } from "../../../model/cost/attribution-rules.ts";
import {
  attribute,
  type Attribution,
  type BilledTenancy,
  type SplitTerms,
} from "../../../model/cost/attribution.ts";
import { printedCents, sumOf, tenancyKey, type OwedLine } from "../../../model/cost/bill.ts";
import { COST_COMPONENTS } from "../../../model/cost/cost-line.ts";
import { MICRO_PER_CENT } from "../../../model/cost/money.ts";
import { NO_USAGE, type MonthlyUsage } from "../../../model/cost/usage.ts";

const use: fc.Arbitrary<MonthlyUsage> = fc.record({
  readings: fc.nat(1e9),
  logBytes: fc.nat(1e12),
  queries: fc.nat(1e6),
  queryMs: fc.nat(1e9),
  storageBytes: fc.nat(1e13),
  notifications: fc.nat(1e5),
  archiveBytes: fc.nat(1e13),
});
const tenancies = fc.uniqueArray(
  fc.record({
    tenant: fc.constantFrom("acme", "globex", "initech", "umbrella", "hooli"),
    since: fc.constantFrom("2026-10-01T00:00:00.000Z", "2026-11-12T08:30:00.000Z"),
    hours: fc.integer({ min: 0, max: 744 }),
    sharedPart: fc.constantFrom(0, 0.25, 1),
    use,
  }),
  { minLength: 1, maxLength: 8, selector: tenancyKey },
);
const lineOf = (owner: OwedLine["owner"], taken?: OwedLine["taken"]): fc.Arbitrary<OwedLine> =>
  fc.record({
    component: fc.constantFrom(...COST_COMPONENTS),
    price: fc.constant("ec2/instance/r7g.large"),
    of: fc.constant("server"),
    unit: fc.constant("hour"),
    quantity: fc.nat(1_000),
    amount: fc.nat(5e10),
    owner: fc.constant(owner),
    ...(taken === undefined ? {} : { taken: fc.constant(taken) }),
  });
/** Nothing is built for anybody who is not there. */
const FULL: SplitTerms = {
  ...{ rules: ATTRIBUTION_RULES, hours: 744 },
  plan: { places: 0, machinesPerPlace: 15 },
};
const terms = fc.nat(6).map((places): SplitTerms => ({ ...FULL, plan: { ...FULL.plan, places } }));
/** A bill with lines of all three kinds, who is billed, and by what it is split. */
const month = tenancies.chain((billed) => {
  const keys = billed.map(tenancyKey);
  const taken = Object.fromEntries(billed.map((one) => [tenancyKey(one), one.use.readings]));
  const line = fc.oneof(lineOf(null), lineOf(keys[0] ?? null), lineOf(null, taken));
  return fc.tuple(fc.constant(billed), fc.array(line, { maxLength: 12 }), terms);
});

/** The platform's own part is under "". */
const totalsOf = ({ lines, unattributed }: Attribution) =>
  new Map([...[...lines].map(([key, of]): [string, number] => [key, sumOf(of)]), ["", sumOf(unattributed)]]);

describe("attribute", () => {
  it("gives away the bill, each line of it, to the micro-dollar", () => {
    fc.assert(
      fc.property(month, ([billed, bill, by]) => {
        const { lines, unattributed } = attribute(bill, billed, by);
        const all = [...[...lines.values()].flat(), ...unattributed];
        expect(sumOf(all)).to.equal(sumOf(bill));
        for (const component of COST_COMPONENTS) {
          const of = (some: readonly { component: string; amount: number }[]) =>
            sumOf(some.filter((line) => line.component === component));
          expect(of(all)).to.equal(of(bill));
        }
      }),
    );
  });

  it("prints cents that add up to the printed total", () => {
    fc.assert(
      fc.property(month, ([billed, bill, by]) => {
        const totals = [...totalsOf(attribute(bill, billed, by)).values()];
        const cents = printedCents(totals);
        expect(cents.reduce((sum, one) => sum + one, 0)).to.equal(Math.round(sumOf(bill) / MICRO_PER_CENT));
        for (const [index, one] of cents.entries())
          expect(Math.abs(one - (totals[index] ?? 0) / MICRO_PER_CENT)).to.be.at.most(1);
      }),
    );
  });

  it("never lowers the share of a tenant that uses more", () => {
    fc.assert(
      fc.property(
        month,
        fc.constantFrom(...USES),
        fc.integer({ min: 1, max: 1e9 }),
        ([billed, bill, by], name, more) => {
          const [first, ...others] = billed;
          if (first === undefined) return;
          const grown = { ...first, use: { ...first.use, [name]: first.use[name] + more } };
          const key = tenancyKey(first);
          const before = totalsOf(attribute(bill, billed, by)).get(key) ?? 0;
          // A tie that rounding in the processor decides the other way is a micro-dollar of one line.
          const tolerance = bill.length;
          expect(totalsOf(attribute(bill, [grown, ...others], by)).get(key)).to.be.at.least(
            before - tolerance,
          );
        },
      ),
    );
  });

  it("does not depend on the order of tenants", () => {
    fc.assert(
      fc.property(month, ([billed, bill, by]) => {
        const there = totalsOf(attribute(bill, billed, by));
        const back = totalsOf(attribute(bill, billed.toReversed(), by));
        expect([...back].sort()).to.deep.equal([...there].sort());
      }),
    );
  });

  it("comes to the same, within a micro-dollar a line, when a bill is split in two and added again", () => {
    fc.assert(
      fc.property(month, ([billed, bill, by]) => {
        const halves = bill.map((line) => Math.floor(line.amount / 2));
        const part = (amountOf: (line: OwedLine, half: number) => number) =>
          attribute(
            bill.map((line, index) => ({ ...line, amount: amountOf(line, halves[index] ?? 0) })),
            billed,
            by,
          );
        const [low, high] = [part((_line, half) => half), part(({ amount }, half) => amount - half)].map(
          totalsOf,
        );
        for (const [key, total] of totalsOf(attribute(bill, billed, by)))
          expect(Math.abs((low?.get(key) ?? 0) + (high?.get(key) ?? 0) - total)).to.be.at.most(
            2 * bill.length,
          );
      }),
    );
  });

  it("knows nothing of units: kB for bytes, minutes for milliseconds change nothing", () => {
    fc.assert(
      fc.property(month, ([billed, bill]) => {
        const scaled = billed.map((one) => ({
          ...one,
          use: { ...one.use, logBytes: one.use.logBytes / 1024, queryMs: one.use.queryMs / 65_536 },
        }));
        const there = totalsOf(attribute(bill, billed, FULL));
        for (const [key, total] of totalsOf(attribute(bill, scaled, FULL)))
          expect(Math.abs(total - (there.get(key) ?? 0))).to.be.at.most(bill.length);
      }),
    );
  });

  it("splits what is shared in each span of its time as a bill of that span alone would", () => {
    const span = fc.tuple(tenancies, terms);
    const shared = fc.array(fc.tuple(lineOf(null), fc.nat(5e10), fc.nat(5e10)), { maxLength: 8 });
    fc.assert(
      fc.property(span, span, shared, ([early, before], [late, after], both) => {
        const lines = both.map(([one, first, second]) => ({
          ...{ ...one, amount: first + second, bySpan: [first, second] },
        }));
        const spans = [
          { ...before, tenancies: early },
          { ...after, tenancies: late },
        ];
        const whole = attribute(lines, early, { ...FULL, spans });
        const alone = [
          attribute(
            both.map(([one, amount]) => ({ ...one, amount })),
            early,
            before,
          ),
          attribute(
            both.map(([one, , amount]) => ({ ...one, amount })),
            late,
            after,
          ),
        ].map(totalsOf);
        for (const [key, total] of totalsOf(whole))
          expect(total).to.equal((alone[0]?.get(key) ?? 0) + (alone[1]?.get(key) ?? 0));
        const all = [...[...whole.lines.values()].flat(), ...whole.unattributed];
        expect(sumOf(all)).to.equal(sumOf(lines));
        // One line each, however many spans: bills do not grow with them.
        for (const of of [...whole.lines.values(), whole.unattributed])
          expect(of.length).to.be.at.most(lines.length);
      }),
    );
  });

  const line: OwedLine = {
    ...{ component: "network", price: "nat/hours", of: "nat", unit: "hour", quantity: 730 },
    ...{ amount: 1_140_000_000, owner: null },
  };
  const at = (tenant: string, hours: number, sharedPart = 1): BilledTenancy => ({
    ...{ tenant, since: "2026-10-01T00:00:00.000Z", hours, sharedPart, use: NO_USAGE },
  });
  const sums = ({ lines, unattributed }: Attribution) => [
    ...[...lines.values()].map(sumOf),
    sumOf(unattributed),
  ];

  it("splits by time alone when nobody used anything", () => {
    // One of them was made on the 31st, and one deleted in the middle of the month.
    const billed = [at("acme", 744), at("globex", 24), at("initech", 372)];
    expect(sums(attribute([line], billed, FULL))).to.deep.equal([744e6, 24e6, 372e6, 0]);
  });

  it("leaves with the platform what it is built for and nobody took", () => {
    const plan = { places: 4, machinesPerPlace: 0 };
    expect(sums(attribute([line], [at("acme", 744)], { ...FULL, plan }))).to.deep.equal([285e6, 855e6]);
    expect(sums(attribute([line], [], FULL))).to.deep.equal([1_140e6]);
  });

  it("gives a tenant with a database of its own no part of the shared ones", () => {
    const billed = [at("acme", 744), at("globex", 744, 0)];
    const database = { ...line, component: "time-series" } as const;
    expect(sums(attribute([database], billed, FULL))).to.deep.equal([1_140e6, 0, 0]);
    expect(sums(attribute([line], billed, FULL))).to.deep.equal([570e6, 570e6, 0]);
  });

  it("refuses what is negative, and rules that are not 1 together", () => {
    const acme = at("acme", 1);
    const negative = { ...acme, use: { ...NO_USAGE, readings: -1 } };
    expect(() => attribute([line], [negative], FULL)).to.throw(RangeError, "readings of -1 of tenant acme");
    expect(() => attribute([line], [{ ...acme, hours: -1 }], FULL)).to.throw(RangeError);
    expect(() => attribute([{ ...line, amount: -1 }], [acme], FULL)).to.throw(RangeError);
    const taken = { ...line, taken: { [tenancyKey(acme)]: -1 } };
    expect(() => attribute([taken], [acme], FULL)).to.throw(RangeError);
    const { amount } = line;
    const spans = [FULL, FULL].map((span) => ({ ...span, tenancies: [acme] }));
    for (const bySpan of [[amount], [amount, 1], [amount + 1, -1], [amount, 0, 0]])
      expect(() => attribute([{ ...line, bySpan }], [acme], { ...FULL, spans }), String(bySpan)).to.throw(
        RangeError,
      );
    const rules = { ...ATTRIBUTION_RULES, network: { even: 0.5, by: { logBytes: 0.6 } } };
    expect(() => attribute([line], [acme], { ...FULL, rules })).to.throw(RangeError, "network");
  });
});
