import { createHash } from "node:crypto";
import { recordsOf } from "../../../model/partition.ts";
import type { WireReading } from "../../../model/reading.ts";
import type { SentReading, SentRecord } from "../../checker/journal.ts";
import { PARTITIONS } from "./plane.ts";

/** A record before it has its number. */
export type Draft = Omit<SentRecord, "kind" | "record" | "connection" | "tenant" | "topic">;

/** One call of a client: all of its records or none, and how often it is made. */
export interface Call {
  readonly drafts: readonly Draft[];
  /** A second time though the first was acknowledged: a client whose answer was lost. */
  readonly isRepeated: boolean;
}

/** Cuts readings into records as the API does. */
export function draftsOf(
  readings: readonly SentReading[],
  source: Draft["source"],
  batchId: string | undefined,
): Draft[] {
  const byWire = new Map(readings.map((reading) => [JSON.stringify(wireOf(reading)), reading]));
  const hash = createHash("sha256")
    .update([...byWire.keys()].join())
    .digest("hex");
  const placed = readings.map((reading) => ({ reading: wireOf(reading), isAccepted: true }));
  const target = { topic: "", partitions: PARTITIONS, headers: {} };
  return recordsOf(placed, target).map(({ partition, headers, value }) => {
    const wires = JSON.parse(value.toString()) as unknown[];
    return {
      ...{ partition, source, value: value.toString("base64") },
      ...(batchId === undefined ? {} : { batch: { id: batchId, part: Number(headers["part"]), hash } }),
      readings: wires.map((wire, ordinal) => ({ ...byWire.get(JSON.stringify(wire))!, ordinal })),
    };
  });
}

function wireOf({ type, machineId, siteId, ts, values, quality }: SentReading): WireReading {
  const site = siteId === undefined ? {} : { siteId };
  // what is impossible, nobody says
  const claims = Object.entries(quality ?? {}).filter(([, word]) => word !== "implausible");
  const said = claims.length === 0 ? {} : { quality: Object.fromEntries(claims) };
  return { type, machineId, ...site, ts, values, ...said } as WireReading;
}
