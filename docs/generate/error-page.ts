import { PROBLEMS } from "../../automation/http/problem.ts";

/** The page of all error codes, from the table that answers them. */
export function errorPage(): string {
  const rows = Object.entries(PROBLEMS).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    "# Error codes",
    "",
    "Made by `npm run docs` from `automation/http/problem.ts`. A code never changes; `detail` beside it says what was wrong,",
    "where, and what to do. `retryable` of an answer says whether the same call, unchanged, may succeed later.",
    "",
    "| Code | Status | Title |",
    "| --- | --- | --- |",
    ...rows.map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`),
    "",
  ].join("\n");
}
