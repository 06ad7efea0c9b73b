import { expect } from "chai";
import { findings } from "./check.ts";
import type { Evidence, Published } from "./evidence.ts";
import type { JournaledRecord } from "./journal.ts";
import type { Row, StoredAlerts, StoredInCell } from "./stored.ts";

const TOPIC = "acme.readings.g1";
const APPENDED_AT_MS = Date.UTC(2026, 10, 21, 10);
const BASE_REF = 2n ** 55n;

/** Three records: one that is too hot, one sent twice under its batch id that is not, and one of poison. */
function run(): Evidence {
  const records = [record(1, "91"), record(2, "60", { id: "b1", part: 0, hash: "h" }), poison(3)];
  const entries = [records[0]!, records[1]!, records[1]!, records[2]!];
  const log = entries.map(({ record: number, value }, offset) => ({
    partition: 0,
    offset: BigInt(offset),
    appendedAtMs: APPENDED_AT_MS + offset,
    headers: { record: String(number) },
    value: Buffer.from(value, "base64"),
  }));
  const bytes = [log[0]!, log[1]!, log[3]!].reduce((sum, { value }) => sum + value.length, 0);
  const cell: StoredInCell = {
    readings: new Map([["machine", [row(1, 0n, 91), row(2, 1n, 60)]]]),
    deadLetters: [{ log_ref: String(BASE_REF + 3n), ordinal: null, reason: "record-undecodable" }],
    usage: [
      {
        ...{ topic: TOPIC, partition: 0, minute_ms: `${APPENDED_AT_MS}.0` },
        ...{ row_count: "2", byte_count: String(bytes) },
      },
    ],
    positions: [{ topic: TOPIC, partition: 0, next_offset: "4" }],
    machines: [{ type: "machine", machine_id: "m-1", site_id: "" }],
  };
  const alert = {
    ...{ alert: "a1", rule: "hot", machine_id: "m-1", value: 91, log_ref: String(BASE_REF), ordinal: 0 },
    ...{ raised_ms: `${timeOf(1)}.000`, returned_ms: `${timeOf(2)}.000` },
    ...{ announced: true, incident: null },
  };
  const sent = (event: string) => {
    return { delivery: `d-${event}`, alert: "a1", channel: "c1", event, is_delivered: true };
  };
  const alerts: StoredAlerts = {
    alerts: [alert],
    deliveries: [sent("alert.raised"), sent("alert.returned")],
  };
  const rule = { kind: "rule" as const, tenant: "acme", id: "hot", type: "machine", metric: "temperature_c" };
  const limits = { op: ">" as const, limit: 80, deadBand: 2, onDelayMs: 0, offDelayMs: 0 };
  const published = (sequence: number, event: string): Published => {
    return { id: `e${sequence}`, sequence: String(sequence), event, alert: { id: "a1", machineId: "m-1" } };
  };
  return {
    ...{ tenant: "acme", topic: TOPIC, log, cell, alerts, channels: ["c1"] },
    journal: {
      records: new Map(records.map((one) => [one.record, one])),
      rules: [{ ...rule, condition: { kind: "threshold", ...limits } }],
    },
    published: [published(1, "alert.raised"), published(2, "alert.returned")],
    received: [
      { id: "d-alert.raised", alert: "a1", event: "alert.raised" },
      { id: "d-alert.returned", alert: "a1", event: "alert.returned" },
    ],
  };
}

const timeOf = (number: number) => APPENDED_AT_MS - 60_000 + number * 1000;

function record(number: number, value: string, batch?: JournaledRecord["batch"]): JournaledRecord {
  return {
    ...{ kind: "sent", record: number, connection: "c", tenant: "acme", topic: TOPIC, partition: 0 },
    ...{ source: "live", value: Buffer.from(`[${value}]`).toString("base64") },
    ...(batch === undefined ? {} : { batch }),
    outcomes: batch === undefined ? ["acked"] : ["unknown", "acked"],
    readings: [
      {
        ...{ ordinal: 0, type: "machine", machineId: "m-1", ts: new Date(timeOf(number)).toISOString() },
        values: { error_code: `r${number}`, temperature_c: Number(value) },
        tag: `r${number}`,
      },
    ],
  };
}

function poison(number: number): JournaledRecord {
  return { ...record(number, "x"), readings: [], refusal: "record-undecodable" };
}

function row(number: number, offset: bigint, value: number): Row {
  return {
    ...{ log_ref: String(BASE_REF + offset), ordinal: 0, time_ms: `${timeOf(number)}.000` },
    ...{ machine_id: "m-1", site_id: null },
    values: { error_code: `r${number}`, temperature_c: value, power_watts: null, quality: null },
  };
}

describe("the checker of the fault runs", () => {
  it("finds nothing where all is as it must be", () => {
    expect(findings(run())).to.deep.equal([]);
  });

  const rows = (of: Evidence, change: (rows: readonly Row[]) => Row[]): Evidence => ({
    ...of,
    cell: { ...of.cell, readings: new Map([["machine", change(of.cell.readings.get("machine")!)]]) },
  });
  const cell = (of: Evidence, change: Partial<StoredInCell>) => ({ ...of, cell: { ...of.cell, ...change } });
  const alerts = (of: Evidence, change: Partial<StoredAlerts>) => {
    return { ...of, alerts: { ...of.alerts, ...change } };
  };

  const MUTATIONS: Readonly<Record<string, [change: (of: Evidence) => Evidence, names: RegExp]>> = {
    "a lost row": [(of) => rows(of, ([first]) => [first!]), /reading r2 .* is lost/],
    "a doubled row": [(of) => rows(of, ([a, b]) => [a!, b!, b!]), /reading r2 .* is stored 2 times/],
    "the same reading under another reference": [
      (of) => rows(of, ([a, b]) => [a!, b!, { ...b!, log_ref: String(BASE_REF + 2n) }]),
      /row too many 1 ×: machine 36028797018963970.0 r2/,
    ],
    "a changed value": [
      (of) =>
        rows(of, ([a, b]) => [a!, { ...b!, values: { ...(b!["values"] as Row), temperature_c: 60.1 } }]),
      /temperature_c is 60.1, was 60/,
    ],
    "a value that is called bad, and by nobody": [
      (of) => rows(of, ([a, b]) => [a!, { ...b!, values: { ...(b!["values"] as Row), quality: 512 } }]),
      /quality is 512, was null/,
    ],
    "a value nobody sent": [
      (of) => rows(of, ([a, b]) => [a!, { ...b!, values: { ...(b!["values"] as Row), power_watts: 1 } }]),
      /power_watts is 1, was not sent/,
    ],
    "a changed time": [
      (of) => rows(of, ([a, b]) => [a!, { ...b!, time_ms: `${timeOf(2) + 1}` }]),
      /time_ms is/,
    ],
    "a row nobody sent": [
      (of) => rows(of, (both) => [...both, row(9, 0n, 5)]),
      /a row machine r9 is stored that nobody sent/,
    ],
    "two rows of one reference": [
      (of) => rows(of, ([a, b]) => [a!, { ...b!, log_ref: a!["log_ref"] }]),
      /reference too many 1 ×/,
    ],
    "a missing dead letter": [(of) => cell(of, { deadLetters: [] }), /dead letter missing/],
    "a dead letter too many": [
      (of) => cell(of, { deadLetters: [...of.cell.deadLetters, ...of.cell.deadLetters] }),
      /dead letter too many/,
    ],
    "a meter that counts a retry": [
      (of) => cell(of, { usage: [{ ...of.cell.usage[0], row_count: "3" }] }),
      /usage too many .* rows 3/,
    ],
    "a machine nobody registered": [(of) => cell(of, { machines: [] }), /machine missing 1 ×: machine m-1/],
    "a position behind the log": [
      (of) => cell(of, { positions: [{ ...of.cell.positions[0], next_offset: "3" }] }),
      /position of .* is 3, the log ends at 4/,
    ],
    "an acknowledged record that the log has lost": [
      (of) => ({ ...of, log: of.log.slice(1) }),
      /acknowledged record 1 is lost/,
    ],
    "a record that was never sent": [
      (of) => ({ ...of, log: [...of.log, { ...of.log[0]!, offset: 4n, headers: {} }] }),
      /holds a record that nobody sent/,
    ],
    "a record that the log changed": [
      (of) => ({ ...of, log: [{ ...of.log[0]!, value: Buffer.from("[]") }, ...of.log.slice(1)] }),
      /differs from record 1 as it was sent/,
    ],
    "records out of order": [
      (of) => {
        const [a, b, c, d] = of.log;
        const swapped = [{ ...b!, offset: 0n }, { ...a!, offset: 1n }, c!, d!];
        return { ...of, log: swapped };
      },
      /order: record 2 of m-1 lies before record 1/,
    ],
    "a missed alert": [(of) => alerts(of, { alerts: [] }), /alert missing 1 ×: hot m-1/],
    "a doubled alert": [
      (of) => alerts(of, { alerts: [...of.alerts.alerts, { ...of.alerts.alerts[0], alert: "a2" }] }),
      /alert too many 1 ×: hot m-1/,
    ],
    "an alert that does not end": [
      (of) => alerts(of, { alerts: [{ ...of.alerts.alerts[0], returned_ms: null }] }),
      /alert too many 1 ×: hot m-1 .* returned never/,
    ],
    "an alert that nobody is told of": [
      (of) => alerts(of, { alerts: [{ ...of.alerts.alerts[0], announced: false }], deliveries: [] }),
      /nobody is told of alert a1/,
    ],
    "a delivery that was not queued": [
      (of) => alerts(of, { deliveries: of.alerts.deliveries.slice(1) }),
      /delivery missing 1 ×: a1 raised to c1/,
    ],
    "a delivery that never came": [
      (of) => ({ ...of, received: of.received.slice(1) }),
      /received delivery missing/,
    ],
    "a transition that was not published": [
      (of) => ({ ...of, published: of.published.slice(1) }),
      /published transition missing 1 ×: a1 alert.raised/,
    ],
    "a transition that is published under two ids": [
      (of) => ({ ...of, published: [...of.published, { ...of.published[1]!, id: "e9" }] }),
      /published transition too many 1 ×: a1 alert.returned/,
    ],
    "a transition that never happened": [
      (of) => ({
        ...of,
        published: [...of.published, { ...of.published[1]!, id: "e9", event: "alert.shelved" }],
      }),
      /published transition too many 1 ×: a1 alert.shelved/,
    ],
    "transitions of a machine out of order": [
      (of) => ({ ...of, published: of.published.toReversed() }),
      /alert.raised of a1 is published behind what came later/,
    ],
    "a delivery under another id": [
      (of) => ({ ...of, received: [...of.received, { ...of.received[0]!, id: "d-other" }] }),
      /under d-other, which is none of its deliveries/,
    ],
  };
  for (const [name, [change, names]] of Object.entries(MUTATIONS)) {
    it(`names ${name}`, () => {
      expect(findings(change(run())).join("\n")).to.match(names);
    });
  }

  it("allows a transition to be published again", () => {
    const of = run();
    expect(findings({ ...of, published: [...of.published, ...of.published] })).to.deep.equal([]);
  });

  it("allows a record of unknown fate to be there once or not at all", () => {
    const of = run();
    const unknown: JournaledRecord = { ...record(1, "91"), outcomes: ["unknown"] };
    const journal = { ...of.journal, records: new Map([...of.journal.records, [1, unknown]]) };
    expect(findings({ ...of, journal })).to.deep.equal([]);
    const lost = { ...of, journal, log: of.log.slice(1) };
    expect(findings(lost).filter((finding) => /lost/.test(finding))).to.deep.equal([]);
  });
});
