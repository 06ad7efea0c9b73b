import { MillwrightError } from "../../model/errors.ts";
import { jsonErrorAt } from "./json-position.ts";

/** @throws MillwrightError `body-unreadable` that says where, and quotes nothing */
export function parseJson(bytes: Buffer): unknown {
  const text = decodeUtf8(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const at = jsonErrorAt(text) ?? text.length;
    let line = 1;
    for (let next = text.indexOf("\n"); next !== -1 && next < at; next = text.indexOf("\n", next + 1))
      line += 1;
    const column = at - text.lastIndexOf("\n", at - 1);
    const place = at === text.length ? "it ends too early" : "it is wrong";
    const message = `The body is not JSON: ${place} at position ${at} (line ${line}, column ${column}).`;
    throw new MillwrightError("body-unreadable", message, { cause });
  }
}

/** @throws MillwrightError `body-unreadable` */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new MillwrightError("body-unreadable", "The body is not UTF-8.", { cause });
  }
}
