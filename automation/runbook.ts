import { readFileSync } from "node:fs";

/** From the root of the repository, as a person opens it. */
const FILE = "docs/runbooks/moves.md";
const PART = /^### `(?<code>[a-z-]+)`\n(?<text>.*?)(?=^#|$(?![^]))/gms;

let known: ReadonlyMap<string, string> | undefined;

/** What to do about an error, by its code; in Markdown. */
export function runbook(): ReadonlyMap<string, string> {
  known ??= new Map(
    [...readFileSync(new URL(`../${FILE}`, import.meta.url), "utf8").matchAll(PART)].map(({ groups }) => [
      groups?.["code"] ?? "",
      (groups?.["text"] ?? "").trim(),
    ]),
  );
  return known;
}

/** The file with the part's anchor; undefined for an error that explains itself. */
export function runbookLink(code: string): string | undefined {
  return runbook().has(code) ? `${FILE}#${code}` : undefined;
}
