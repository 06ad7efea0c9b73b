import { expect } from "chai";
import fc from "fast-check";
import { compileExpression, ExpressionInvalid, MAX_EXPRESSION_LENGTH } from "../../model/expression.ts";
import { seed } from "../support/seed.ts";

const METRICS = new Map([
  ["a", "number"],
  ["b", "number"],
  ["state", "text"],
] as const);
type Values = Readonly<Record<string, number | string | undefined>>;
type Result = number | boolean | undefined;

/** A text with what it means, said once more and slowly: every pair of brackets is written. */
interface Meant {
  readonly text: string;
  readonly value: (values: Values) => Result;
}

const both =
  (left: Meant, right: Meant, meaning: (a: number, b: number) => Result) =>
  (values: Values): Result => {
    const [a, b] = [left.value(values), right.value(values)];
    if (typeof a !== "number" || typeof b !== "number") return undefined;
    const result = meaning(a, b);
    return typeof result === "number" && !Number.isFinite(result) ? undefined : result;
  };

const { truth } = fc.letrec<{ number: Meant; truth: Meant }>((tie) => {
  const numbers = fc.tuple(tie("number"), tie("number"));
  const truths = fc.tuple(tie("truth"), tie("truth"));
  const infix = (sign: string, meaning: (a: number, b: number) => Result) =>
    numbers.map(([l, r]): Meant => ({ text: `(${l.text} ${sign} ${r.text})`, value: both(l, r, meaning) }));
  const named = (name: string): Meant => ({
    text: name,
    value: (values) => values[name] as number | undefined,
  });
  return {
    number: fc.oneof(
      { maxDepth: 4 },
      fc.nat(9).map((n): Meant => ({ text: String(n), value: () => n })),
      fc.constantFrom(named("a"), named("b")),
      infix("+", (a, b) => a + b),
      infix("-", (a, b) => a - b),
      infix("*", (a, b) => a * b),
      infix("/", (a, b) => a / b),
      numbers.map(([l, r]): Meant => ({ text: `max(${l.text}, ${r.text})`, value: both(l, r, Math.max) })),
      tie("number").map((of): Meant => ({ text: `abs(-${of.text})`, value: both(of, of, Math.abs) })),
    ),
    truth: fc.oneof(
      { maxDepth: 4 },
      infix(">", (a, b) => a > b),
      infix("<=", (a, b) => a <= b),
      infix("!=", (a, b) => a !== b),
      fc.constant<Meant>({
        text: "(state == 'idle')",
        value: ({ state }) => (state === undefined ? undefined : state === "idle"),
      }),
      truths.map(([l, r]): Meant => ({
        text: `(${l.text} && ${r.text})`,
        value: (values) => {
          const sides = [l.value(values), r.value(values)];
          if (sides.includes(false)) return false;
          return sides.includes(undefined) ? undefined : true;
        },
      })),
      tie("truth").map((of): Meant => ({
        text: `(!${of.text})`,
        value: (values) => {
          const value = of.value(values);
          return value === undefined ? undefined : value === false;
        },
      })),
    ),
  };
});
const anyValues: fc.Arbitrary<Values> = fc.record({
  a: fc.option(fc.integer({ min: -3, max: 9 }), { nil: undefined }),
  b: fc.option(fc.integer({ min: -3, max: 9 }), { nil: undefined }),
  state: fc.constantFrom(undefined, "idle", "running"),
});

describe(`expressions of rules (seed ${seed})`, () => {
  it("mean what they say, and nothing where a value that decides is missing", () => {
    const named = truth.filter(
      ({ text }) => /\b(a|b|state)\b/.test(text) && text.length <= MAX_EXPRESSION_LENGTH,
    );
    fc.assert(
      fc.property(named, anyValues, ({ text, value }, values) => {
        const compiled = compileExpression(text, METRICS);
        expect(
          compiled.evaluate((name) => values[name]),
          text,
        ).to.equal(value(values));
      }),
      { seed, numRuns: 1_000 },
    );
  });

  it("bind as everywhere: ! before * before + before < before && before ||", () => {
    const holds = (text: string) =>
      compileExpression(text, METRICS).evaluate((name) => ({ a: 2, b: 3 })[name]);
    expect(holds("a + b * 2 == 8 && !(a > b) || a > 100")).to.equal(true);
    expect(holds("a > 1 || a > 100 && b > 100")).to.equal(true);
    expect(holds("a - b - 1 == -2")).to.equal(true);
  });

  it("answer or refuse any text, and run none of it", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: fc.constantFrom(...Array.from("ab()+*<&!.[]'\"1e9 ,?:=;")) }),
        ),
        (text) => {
          try {
            compileExpression(text, METRICS);
          } catch (error) {
            expect(error).to.be.instanceOf(ExpressionInvalid);
          }
        },
      ),
      { seed, numRuns: 2_000 },
    );
  });

  for (const [text, reason] of [
    ["", "only metrics"],
    ["a > ", "Expected expression"],
    ["a + b", "must be a comparison"],
    ["1 < 2", "names no metric"],
    ["heat > 1", "no metric 'heat'"],
    ["constructor > 1", "no metric 'constructor'"],
    ["a.constructor > 1", "only metrics"],
    ["a['b'] > 1", "only metrics"],
    ["eval(a) > 1", "the functions are"],
    ["constructor(a) > 1", "the functions are"],
    ["a.b(1) > 1", "the functions are"],
    ["a > 1 ? a > 2 : a > 3", "only metrics"],
    ["this > 1", "only metrics"],
    ["a > 1; b > 1", "only metrics"],
    ["a > 1e999", "neither a number"],
    ["a == true", "neither a number"],
    ["a > 'hot'", "numbers only"],
    ["state < 'idle'", "numbers only"],
    ["state == 1", "texts only"],
    ["a && b > 1", "comparisons only"],
    ["!a", "comparisons only"],
    ["(a > 1) == (b > 1)", "numbers or texts"],
    ["a ** 2 > 1", "no operator"],
    ["a & 1 > 1", "no operator"],
    ["abs(a, b) > 1", "takes 1 to 1"],
    [`${"(".repeat(249)}a${")".repeat(249)} > 1`, "500 characters"],
    [`${"-".repeat(30)}a > 1`, "deep"],
  ] as const) {
    it(`refuse ${text.length > 60 ? `${text.slice(0, 20)}…` : `'${text}'`}`, () => {
      expect(() => compileExpression(text, METRICS)).to.throw(ExpressionInvalid, reason);
    });
  }
});
