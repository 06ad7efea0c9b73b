/** Where a command writes: results to `out`, all that is only for a person's eyes to `err`. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Rows in aligned columns under their headings, two spaces apart. */
export function table(headings: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const lines = [headings, ...rows.map((row) => row.map(cellText))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      widths
        .map((width, column) => (line[column] ?? "").padEnd(width))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Names and values under each other, aligned. */
export function facts(pairs: readonly (readonly [string, unknown])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`).join("\n");
}

/** Thousands apart, at most six decimals: a sum that is compared by eye. */
export function figure(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

// What a service or a file says may hold escape sequences that would drive the person's terminal.

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function cellText(value: unknown): string {
  if (value === undefined || value === null || value === "") return "-";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(CONTROL, "?");
}
