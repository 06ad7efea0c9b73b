import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";

/** One page of a list; `nextCursor` is null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** @param rows - one more than `limit` was asked of the database, so that the last page knows that it is */
export function pageOf<T>(rows: readonly T[], limit: number, keyOf: (last: T) => readonly string[]): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const nextCursor =
    rows.length > limit && last !== undefined
      ? Buffer.from(JSON.stringify(keyOf(last))).toString("base64url")
      : null;
  return { items, nextCursor };
}

/** The sort key in a cursor, all null without one. @throws MillwrightError `request-invalid` */
export function decodeCursor(cursor: string | undefined, length: number): readonly (string | null)[] {
  if (cursor === undefined) return Array<null>(length).fill(null);
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(key) && key.length === length && key.every(isStorable)) return key;
  } catch {
    // falls through: one answer for everything that is no cursor of ours
  }
  throw foreignCursor();
}

/** As it was given. Date.parse takes more forms, and PostgreSQL knows no year 0. */
const instant = z.iso.datetime().startsWith("2");

/** What a text column can be compared with. */
function isStorable(part: unknown): part is string {
  return typeof part === "string" && part.isWellFormed() && !part.includes("\u0000");
}

/** The key of a list that is sorted by a number that the database gave. @throws MillwrightError `request-invalid` */
export function decodeNumberCursor(cursor: string | undefined): string | null {
  const [key = null] = decodeCursor(cursor, 1);
  if (key !== null && !/^\d{1,18}$/.test(key)) throw foreignCursor(); // 18 digits always fit a bigint
  return key;
}

/** The key of a list that is sorted by an instant and an id. @throws MillwrightError `request-invalid` */
export function decodeTimeCursor(cursor: string | undefined): readonly (string | null)[] {
  const key = decodeCursor(cursor, 2);
  if (key[0] !== null && !instant.safeParse(key[0]).success) throw foreignCursor();
  return key;
}

function foreignCursor(): MillwrightError {
  return new MillwrightError("request-invalid", "This cursor is not one that this list gave.", {
    fields: [{ pointer: "/cursor", message: "use nextCursor of the page before" }],
  });
}
