import { z } from "zod";
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
  const fields = parsed.error.issues.flatMap(fieldErrors);
  const named = fields.map(({ pointer, message }) => `${pointer === "" ? "(all)" : pointer}: ${message}`);
  throw new MillwrightError("request-invalid", `Wrong in the ${part}: ${named.slice(0, 10).join("; ")}.`, {
    fields: fields.slice(0, MAX_FIELDS),
  });
}

/** A body can be wrong in a million places; an answer names the first ones. */
const MAX_FIELDS = 100;

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message: "unknown field" }));
  return [{ pointer: pointerOf(issue.path), message: issue.message }];
}

/** RFC 6901; a name of a hundred thousand letters is cut, so that an answer stays small. */
function pointerOf(path: readonly PropertyKey[]): string {
  const tokens = path.map((token) => String(token).slice(0, 128).replaceAll("~", "~0").replaceAll("/", "~1"));
  return tokens.map((token) => `/${token}`).join("");
}
