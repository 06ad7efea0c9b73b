import { list } from "./private-sources.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Keys that tie whoever asks to an account, an organization or a network (Amazon S3 User Guide, "The meaning of public"). */
const TYING_KEYS: ReadonlySet<string> = new Set([
  ...["aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:sourceaccount", "aws:sourcearn"],
  ...["aws:sourceorgid", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "kms:calleraccount"],
]);
// Not the negated ones, nor `…IfExists` and `ForAllValues:`, which hold for whoever brings no such key.
const TYING_OPERATORS: ReadonlySet<string> = new Set([
  ...["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"],
]);

/**
 * What is wrong with a resource's own policy: statements that let everybody in. What cannot be read might.
 * @param policy - JSON, as text or as an object; undefined: there is none, and IAM alone decides
 */
export function openStatements(policy: unknown): string[] {
  if (policy === undefined || policy === null || policy === "") return [];
  const document = typeof policy === "string" ? parsed(policy) : policy;
  if (typeof document !== "object" || document === null) return ["Its policy is no JSON object."];
  return field(document as Fields, "statement")
    .flatMap((statement) => list(statement))
    .filter((statement) => isOpen(statement))
    .map((statement) => `Its policy lets everybody in: ${JSON.stringify(statement)}.`);
}

function isOpen(statement: unknown): boolean {
  if (typeof statement !== "object" || statement === null) return true;
  const fields = statement as Fields;
  const effects = field(fields, "effect");
  if (effects.length > 0 && effects.every((effect) => effect === "Deny")) return false;
  const isForAll =
    field(fields, "notprincipal").length > 0 || field(fields, "principal").some((one) => isEverybody(one));
  return isForAll && !field(fields, "condition").some((condition) => isTying(condition));
}

function isEverybody(principal: unknown): boolean {
  if (typeof principal === "string") return principal.includes("*");
  if (typeof principal !== "object" || principal === null) return true;
  return Object.values(principal).some((names) => list(names).some((name) => isEverybody(name)));
}

/** Conditions hold together: one that ties is enough. */
function isTying(condition: unknown): boolean {
  if (typeof condition !== "object" || condition === null) return false;
  return Object.entries(condition).some(
    ([operator, keys]) =>
      TYING_OPERATORS.has(operator.toLowerCase()) &&
      Object.entries((keys ?? {}) as Fields).some(
        ([key, values]) => TYING_KEYS.has(key.toLowerCase()) && areFixed(list(values)),
      ),
  );
}

/** Neither a wildcard nor a variable of whoever asks. */
function areFixed(values: readonly unknown[]): boolean {
  return values.length > 0 && values.every((value) => typeof value === "string" && !/[*?$]/.test(value));
}

/** IAM does not tell `Principal` from `principal`. */
function field(fields: Fields, name: string): readonly unknown[] {
  return Object.keys(fields)
    .filter((key) => key.toLowerCase() === name)
    .map((key) => fields[key]);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
