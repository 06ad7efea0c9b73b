import type { RowPlace } from "../../data/cell/read-readings.ts";
import { MillwrightError } from "../../model/errors.ts";

const MAX_BIGINT = 2n ** 63n - 1n;

/** Opaque to clients: the place of the last row answered. New rows never shift it, as they would a row count. */
export function encodeCursor({ timeMs, logRef, ordinal }: RowPlace): string {
  return Buffer.from(`${timeMs}.${logRef}.${ordinal}`).toString("base64url");
}

/** @throws MillwrightError `request-invalid` for anything that {@link encodeCursor} cannot have made */
export function decodeCursor(cursor: string): RowPlace {
  const text = cursor.length > 100 ? "" : Buffer.from(cursor, "base64url").toString();
  const [, time = "", ref = "", ordinal = ""] = /^(\d{1,14})\.(\d{1,19})\.(\d{1,5})$/.exec(text) ?? [];
  const place = { timeMs: Number(time), logRef: BigInt(ref), ordinal: Number(ordinal) };
  if (time === "" || place.logRef > MAX_BIGINT || place.ordinal > 32_767) {
    const message = "is not a cursor that an earlier answer gave";
    throw new MillwrightError("request-invalid", `cursor ${message}`, {
      fields: [{ pointer: "/cursor", message }],
    });
  }
  return place;
}
