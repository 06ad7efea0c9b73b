import jsep from "jsep";
import type { ReadingValue } from "./reading.ts";

/** Longer or deeper ones are programs; the length also bounds the parser's recursion. */
export const MAX_EXPRESSION_LENGTH = 500;
const MAX_DEPTH = 20;

type Kind = "number" | "text" | "truth";
type Value = number | string | boolean | undefined;
type ValueOf = (name: string) => ReadingValue | undefined;

interface Node {
  readonly kind: Kind;
  readonly evaluate: (valueOf: ValueOf) => Value;
}

/** A checked expression that says yes or no. */
export interface Expression {
  /** The metrics that it names, sorted. */
  readonly names: readonly string[];
  /**
   * Missing values make what needs them undefined, and a division by zero is a missing value. `&&` and `||` are decided
   * as soon as one side decides them (Kleene's logic).
   */
  readonly evaluate: (valueOf: ValueOf) => boolean | undefined;
}

/** Why a text is no expression; safe to show. */
export class ExpressionInvalid extends Error {}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
const FUNCTIONS: Readonly<
  Record<string, { readonly compute: (...values: number[]) => number; readonly maxArguments: number }>
> = {
  abs: { compute: Math.abs, maxArguments: 1 },
  min: { compute: Math.min, maxArguments: 20 },
  max: { compute: Math.max, maxArguments: 20 },
};

/**
 * Compiles numbers, texts, metrics, `+ - * /`, `< <= > >= == !=`, `&& || !`, `abs`, `min` and `max` into closures.
 * jsep only parses; whatever else it understands (members, calls, assignments) is refused here, and nothing is run.
 * @param metrics - what may be named, with the kind of its values
 * @throws ExpressionInvalid
 */
export function compileExpression(text: string, metrics: ReadonlyMap<string, "number" | "text">): Expression {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new ExpressionInvalid(`at most ${MAX_EXPRESSION_LENGTH} characters`);
  }
  const names = new Set<string>();
  const { kind, evaluate } = compile(parse(text), { metrics, names }, 0);
  if (kind !== "truth") throw new ExpressionInvalid("must be a comparison, or comparisons with && || !");
  if (names.size === 0) throw new ExpressionInvalid("names no metric, so it never changes");
  return { names: [...names].sort(), evaluate: evaluate as Expression["evaluate"] };
}

interface Scope {
  readonly metrics: ReadonlyMap<string, "number" | "text">;
  readonly names: Set<string>;
}

function parse(text: string): jsep.Expression {
  try {
    return jsep(text);
  } catch (error) {
    const { description = "cannot be read", index } = error as { description?: string; index?: number };
    throw new ExpressionInvalid(
      index === undefined ? description : `${description} at character ${index + 1}`,
    );
  }
}

function compile(parsed: jsep.Expression, scope: Scope, depth: number): Node {
  if (depth > MAX_DEPTH) throw new ExpressionInvalid(`nested more than ${MAX_DEPTH} deep`);
  const node = parsed as jsep.CoreExpression;
  const inner = (child: jsep.Expression) => compile(child, scope, depth + 1);
  switch (node.type) {
    case "Literal":
      return literal(node.value);
    case "Identifier":
      return metric(node.name, scope);
    case "UnaryExpression":
      return unary(node.operator, inner(node.argument));
    case "BinaryExpression":
      return binary(node.operator, inner(node.left), inner(node.right));
    case "CallExpression":
      return call(node.callee, node.arguments.map(inner));
    default:
      throw new ExpressionInvalid("only metrics, numbers, texts, + - * / < <= > >= == != && || ! are known");
  }
}

function literal(value: unknown): Node {
  if (typeof value === "number" && Number.isFinite(value)) return { kind: "number", evaluate: () => value };
  if (typeof value === "string") return { kind: "text", evaluate: () => value };
  throw new ExpressionInvalid(`'${String(value)}' is neither a number nor a text`);
}

function metric(name: string, { metrics, names }: Scope): Node {
  const kind = metrics.get(name);
  if (kind === undefined) {
    throw new ExpressionInvalid(`there is no metric '${name}'; known: ${[...metrics.keys()].join(", ")}`);
  }
  names.add(name);
  return { kind, evaluate: (valueOf) => valueOf(name) };
}

function unary(operator: string, of: Node): Node {
  if (operator === "!") {
    expectKind("truth", operator, of);
    return { kind: "truth", evaluate: (values) => negated(of.evaluate(values)) };
  }
  const sign = { "-": -1, "+": 1 }[operator];
  if (sign === undefined) throw new ExpressionInvalid(`there is no operator '${operator}'`);
  return numeric(operator, [of], (value) => sign * value);
}

function binary(operator: string, left: Node, right: Node): Node {
  const arithmetic = own(ARITHMETIC, operator);
  if (arithmetic !== undefined) return numeric(operator, [left, right], arithmetic);
  const comparison = own(COMPARISONS, operator);
  if (comparison !== undefined) {
    expectKind("number", operator, left, right);
    return compared(left, right, comparison as (a: Value, b: Value) => boolean);
  }
  if (operator === "==" || operator === "!=") {
    if (left.kind === "truth") throw new ExpressionInvalid(`'${operator}' compares numbers or texts`);
    expectKind(left.kind, operator, right);
    return compared(left, right, operator === "==" ? (a, b) => a === b : (a, b) => a !== b);
  }
  if (operator !== "&&" && operator !== "||")
    throw new ExpressionInvalid(`there is no operator '${operator}'`);
  expectKind("truth", operator, left, right);
  const decisive = operator === "||";
  return {
    kind: "truth",
    evaluate: (values) => {
      const first = left.evaluate(values);
      if (first === decisive) return decisive;
      const second = right.evaluate(values);
      if (second === decisive) return decisive;
      return first === undefined || second === undefined ? undefined : !decisive;
    },
  };
}

function call(callee: jsep.Expression, values: readonly Node[]): Node {
  const name = callee.type === "Identifier" ? (callee as jsep.Identifier).name : "";
  const known = own(FUNCTIONS, name);
  if (known === undefined)
    throw new ExpressionInvalid(`the functions are ${Object.keys(FUNCTIONS).join(", ")}`);
  if (values.length < 1 || values.length > known.maxArguments) {
    throw new ExpressionInvalid(`'${name}' takes 1 to ${known.maxArguments} values`);
  }
  return numeric(name, values, known.compute);
}

function numeric(what: string, of: readonly Node[], compute: (...values: number[]) => number): Node {
  expectKind("number", what, ...of);
  return {
    kind: "number",
    evaluate: (values) => {
      const numbers: number[] = [];
      for (const node of of) {
        const value = node.evaluate(values);
        if (value === undefined) return undefined;
        numbers.push(value as number);
      }
      const result = compute(...numbers);
      return Number.isFinite(result) ? result : undefined;
    },
  };
}

function compared(left: Node, right: Node, holds: (a: Value, b: Value) => boolean): Node {
  return {
    kind: "truth",
    evaluate: (values) => {
      const a = left.evaluate(values);
      const b = right.evaluate(values);
      return a === undefined || b === undefined ? undefined : holds(a, b);
    },
  };
}

function negated(value: Value): Value {
  return value === undefined ? undefined : !value;
}

function expectKind(kind: Kind, what: string, ...nodes: readonly Node[]): void {
  if (nodes.some((node) => node.kind !== kind)) {
    const names = { number: "numbers", text: "texts", truth: "comparisons" };
    throw new ExpressionInvalid(`'${what}' takes ${names[kind]} only`);
  }
}

/** Not `record[key]`: the key comes from outside, and every object has a `constructor`. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
