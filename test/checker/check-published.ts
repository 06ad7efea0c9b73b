import { difference } from "./check-tables.ts";
import type { Evidence } from "./evidence.ts";

/**
 * Each transition of an alert is in the topic at least once, always under one id, and nothing else is. Without the
 * repetitions, the events of a machine are in the order in which they happened.
 */
export function publishedFindings({ alerts: { alerts }, published }: Evidence): string[] {
  const expected = alerts.flatMap((row) => [
    `${String(row["alert"])} alert.raised`,
    ...(row["returned_ms"] === null ? [] : [`${String(row["alert"])} alert.returned`]),
  ]);
  const ids = new Set<string>();
  const firsts = published.filter(({ id }) => ids.size < ids.add(id).size);
  const newest = new Map<string, bigint>();
  const outOfOrder = firsts.filter(({ alert: { machineId }, sequence }) => {
    const before = newest.get(machineId) ?? -1n;
    newest.set(machineId, BigInt(sequence));
    return BigInt(sequence) < before;
  });
  return [
    ...difference(
      "published transition",
      expected,
      firsts.map(({ alert, event }) => `${alert.id} ${event}`),
    ),
    ...outOfOrder.map(({ alert, event }) => `${event} of ${alert.id} is published behind what came later`),
  ];
}
