import { difference } from "./check-tables.ts";
import type { Evidence } from "./evidence.ts";
import { expectedAlerts } from "./expected-alerts.ts";
import type { TakenEntry } from "./expected-rows.ts";
import type { SentReading, SentRule } from "./journal.ts";
import type { MachineReading } from "./judge.ts";
import type { Row, StoredAlerts } from "./stored.ts";

/** The alerts in the table are those of the slow evaluator, each once, with its instants. */
export function alertFindings(
  rules: readonly SentRule[],
  taken: readonly TakenEntry[],
  { alerts }: StoredAlerts,
): string[] {
  const expected = rules.flatMap((rule) =>
    [...readingsByMachine(rule, taken)].flatMap(([machineId, readings]) =>
      expectedAlerts(rule, readings).map(({ start, raisedAtMs, returnedAtMs }) =>
        alertLine(rule.id, machineId, start.logRef, start.ordinal, start.value, raisedAtMs, returnedAtMs),
      ),
    ),
  );
  const ids = alerts.map((row) => String(row["alert"]));
  return [
    ...difference("alert", expected, alerts.map(lineOf)),
    ...difference("alert id", [...new Set(ids)], ids),
  ];
}

/**
 * The outbox holds what the announced alerts ask for, once each, all of it sent, and the receiver got exactly that. One
 * that is not announced is one of many in an incident: these runs suppress, shelve and take out of service nothing.
 */
export function deliveryFindings({ alerts: { alerts, deliveries }, channels, received }: Evidence): string[] {
  const announced = alerts.filter((row) => row["announced"] === true);
  const silenced = alerts.filter((row) => row["announced"] !== true && row["incident"] === null);
  const expected = announced.flatMap((row) =>
    channels.flatMap((channel) => [
      `${String(row["alert"])} raised to ${channel}`,
      ...(row["returned_ms"] === null ? [] : [`${String(row["alert"])} returned to ${channel}`]),
    ]),
  );
  const lineOfDelivery = (row: Row) =>
    `${String(row["alert"])} ${String(row["event"]).replace("alert.", "")} to ${String(row["channel"])}`;
  const sent = deliveries.filter((row) => row["is_delivered"] === true).map((row) => String(row["delivery"]));
  const gotten = [...new Set(received.map(({ id }) => id))];
  return [
    ...silenced.map((row) => `nobody is told of alert ${String(row["alert"])}, which is in no incident`),
    ...difference("delivery", expected, deliveries.map(lineOfDelivery)),
    ...difference(
      "sent delivery",
      deliveries.map((row) => String(row["delivery"])),
      sent,
    ),
    ...difference("received delivery", sent, gotten),
    ...received.flatMap(({ id, alert, event }) =>
      deliveries.some((row) => row["delivery"] === id && row["alert"] === alert && row["event"] === event)
        ? []
        : [`the receiver got ${event} of ${alert} under ${id}, which is none of its deliveries`],
    ),
  ];
}

/** What a rule sees of each machine, in log order: imports never ring. */
function readingsByMachine(
  { type, machines }: SentRule,
  taken: readonly TakenEntry[],
): ReadonlyMap<string, MachineReading[]> {
  const readings = new Map<string, MachineReading[]>();
  for (const { entry, logRef, record, rows } of taken) {
    if (record.source === "import") continue;
    for (const row of rows) {
      const { machineId, ts, ordinal } = row;
      if (row.type !== type || (machines !== undefined && !machines.includes(machineId))) continue;
      const place = {
        timeMs: Date.parse(ts),
        appendedAtMs: entry.appendedAtMs,
        logRef: String(logRef),
        ordinal,
      };
      const own = readings.get(machineId) ?? [];
      readings.set(machineId, [...own, { ...place, values: trustedValues(row) }]);
    }
  }
  return readings;
}

/** Nobody is woken by a value that its own device calls bad, or that cannot be. */
function trustedValues({ values, quality = {} }: SentReading): SentReading["values"] {
  const isTrusted = ([name]: [string, unknown]) =>
    quality[name] === undefined || quality[name] === "uncertain";
  return Object.fromEntries(Object.entries(values).filter(isTrusted));
}

function alertLine(
  rule: unknown,
  machine: unknown,
  logRef: unknown,
  ordinal: unknown,
  ...rest: unknown[]
): string {
  const [value, raisedMs, returnedMs] = rest;
  const returned = returnedMs === undefined || returnedMs === null ? "never" : Number(returnedMs);
  return `${String(rule)} ${String(machine)} ${String(logRef)}.${String(ordinal)} value ${String(value)} raised ${Number(raisedMs)} returned ${returned}`;
}

const lineOf = (row: Row) =>
  alertLine(
    row["rule"],
    row["machine_id"],
    row["log_ref"],
    row["ordinal"],
    row["value"],
    row["raised_ms"],
    row["returned_ms"],
  );
