import { setTimeout as delay } from "node:timers/promises";
import type { SentReading } from "../../checker/journal.ts";
import { TAG_OF } from "../../checker/stored.ts";
import { draftsOf, type Call } from "./call.ts";
import { make, type Client } from "./producer.ts";

const CALLS_PER_SECOND = 10;
const MACHINES = 40;
const LATE_SHARE = 0.05;
const LATE_MS = 10_000;
/** A machine that was offline, and says now what it has seen meanwhile. */
const OFFLINE_SHARE = 0.005;
const OFFLINE_MS = 48 * 3_600_000;
const REPEATED_SHARE = 0.1;

/**
 * Sends what a gateway collects of a tenant's machines, at a steady rate until `signal` aborts; what a fault has held up
 * follows as soon as it can.
 * @returns what was acknowledged, and how much of it a second over all of the time
 */
export async function sendSteadily(
  client: Client,
  { random, rowsPerSecond }: { readonly random: () => number; readonly rowsPerSecond: number },
  signal: AbortSignal,
): Promise<{ readonly rowCount: number; readonly rowsPerSecond: number }> {
  const rowsPerCall = Math.ceil(rowsPerSecond / CALLS_PER_SECOND);
  const startedAtMs = performance.now();
  let rowCount = 0;
  while (!signal.aborted) {
    await make(client, callOf(client.connection, rowCount, rowsPerCall, random));
    rowCount += rowsPerCall;
    const dueAtMs = startedAtMs + (rowCount / rowsPerSecond) * 1_000;
    await delay(Math.max(0, dueAtMs - performance.now()), undefined, { signal }).catch(() => undefined);
  }
  return { rowCount, rowsPerSecond: (rowCount / (performance.now() - startedAtMs)) * 1_000 };
}

/** A batch, sent twice now and then. @param first - number of its first reading */
function callOf(connection: string, first: number, rowCount: number, random: () => number): Call {
  const nowMs = Date.now();
  const readings = Array.from({ length: rowCount }, (_, index) =>
    readingOf(connection, first + index, nowMs, random),
  );
  return {
    drafts: draftsOf(readings, "live", `${connection}-b${first}`),
    isRepeated: random() < REPEATED_SHARE,
  };
}

function readingOf(connection: string, number: number, nowMs: number, random: () => number): SentReading {
  const type = (["machine", "machine", "machine", "energy", "air-quality"] as const)[number % 5]!;
  const tag = `${connection}-r${number}`;
  const kind = random();
  const lateMs = kind < OFFLINE_SHARE ? OFFLINE_MS : kind < LATE_SHARE ? LATE_MS : 0;
  return {
    ...{ ordinal: 0, type, machineId: `${connection}-m${number % MACHINES}`, siteId: "site-1", tag },
    ts: new Date(nowMs - Math.floor(random() * lateMs)).toISOString(),
    values: { [TAG_OF[type]!]: tag, ...valuesOf(type, number) },
  };
}

/** Zeros among them, and values that are not there: a move must tell them apart. */
function valuesOf(type: "machine" | "energy" | "air-quality", number: number): Record<string, number> {
  if (number % 7 === 0) return {};
  const value = number % 11 === 0 ? 0 : 20 + (number % 70);
  if (type === "machine") return { temperature_c: value, cycle_count: number };
  return type === "energy" ? { voltage: value } : { co2_ppm: value };
}
