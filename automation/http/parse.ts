import * as z from "zod";
import { MillwrightError, type FieldError } from "../../model/errors.ts";

/** What the wrong fields of a 400 point into. */
export type Part = "body" | "query" | "path" | "header";

/**
 * @returns the value as its schema describes it
 * @throws MillwrightError `request-invalid` with a JSON pointer for each wrong field; in a query, a path or headers
 *   the pointer names the parameter
 */
export function parseRequest<T extends z.ZodType>(schema: T, value: unknown, part: Part): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (value === undefined && part === "body")
    throw new MillwrightError("request-invalid", "The body is empty; send JSON.");
  throw invalid(part, parsed.error.issues.slice(0, MAX_FIELDS).flatMap(fieldErrors));
}

/**
 * {@link parseRequest}, for values that go into the database: it takes neither U+0000 nor half of a surrogate pair, and
 * would fail on them later, as if the fault were ours.
 */
export function parseStorable<T extends z.ZodType>(schema: T, value: unknown, part: Part): z.output<T> {
  const parsed = parseRequest(schema, value, part);
  const fields = unstorable(parsed, []);
  if (fields.length > 0) throw invalid(part, fields);
  return parsed;
}

/** Walks what a schema let through, so no deeper than the schema is. */
function unstorable(value: unknown, path: readonly PropertyKey[]): FieldError[] {
  if (typeof value === "string") {
    const isGood = value.isWellFormed() && !value.includes("\u0000");
    return isGood ? [] : [{ pointer: pointerOf(path), message: "has U+0000 or a lone surrogate" }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => unstorable(part, [...path, key]));
}

function invalid(part: Part, fields: readonly FieldError[]): MillwrightError {
  const named = fields
    .slice(0, 10)
    .map(({ pointer, message }) => `${pointer === "" ? "(all)" : pointer}: ${message}`);
  return new MillwrightError("request-invalid", `Wrong in the ${part}: ${named.join("; ")}.`, {
    fields: fields.slice(0, MAX_FIELDS),
  });
}

/** A body can be wrong in a million places; an answer names the first ones, and nothing is computed for the others. */
const MAX_FIELDS = 100;

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys
      .slice(0, MAX_FIELDS)
      .map((key) => ({ pointer: pointerOf([...issue.path, key]), message: "unknown field" }));
  return [{ pointer: pointerOf(issue.path), message: issue.message }];
}

/** RFC 6901; a name of a hundred thousand letters is cut, so that an answer stays small. */
function pointerOf(path: readonly PropertyKey[]): string {
  const tokens = path.map((token) => String(token).slice(0, 128).replaceAll("~", "~0").replaceAll("/", "~1"));
  return tokens.map((token) => `/${token}`).join("");
}
