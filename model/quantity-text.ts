import { DAY_MS, HOUR_MS, MINUTE_MS } from "./duration.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Such as `1.5 GiB`: for a person, never to count on with. */
export function bytesText(byteCount: number): string {
  const power = byteCount < 1 ? 0 : Math.min(Math.floor(Math.log2(byteCount) / 10), UNITS.length - 1);
  return `${shortest(byteCount / 1_024 ** power)} ${UNITS[power] ?? ""}`;
}

/** Such as `2.5 h`: for a person, never to count on with. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 2 * MINUTE_MS) return `${shortest(ms / 1_000)} s`;
  if (ms < 2 * HOUR_MS) return `${shortest(ms / MINUTE_MS)} min`;
  return ms < 2 * DAY_MS ? `${shortest(ms / HOUR_MS)} h` : `${shortest(ms / DAY_MS)} days`;
}

const shortest = (value: number) => String(Math.round(value * 10) / 10);
