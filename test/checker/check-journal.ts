import { isAcked, type JournaledRecord, type SentReading } from "./journal.ts";
import { TAG_OF, type Row, type StoredInCell } from "./stored.ts";

/** The journal against the tables, without looking at the log: each reading once with its values, and no other. */
export function journalFindings(
  records: ReadonlyMap<number, JournaledRecord>,
  { readings }: StoredInCell,
): string[] {
  const found: string[] = [];
  const rowsByTag = new Map<string, Row[]>();
  for (const [type, rows] of readings) {
    for (const row of rows) {
      const tag = `${type} ${String((row["values"] as Row)[TAG_OF[type]!])}`;
      rowsByTag.set(tag, [...(rowsByTag.get(tag) ?? []), row]);
    }
  }
  const firstHashes = new Map<string, string>();
  for (const record of records.values()) {
    const { id = "", hash = "" } = record.batch ?? {};
    if (!firstHashes.has(id)) firstHashes.set(id, hash);
    const isReuse = firstHashes.get(id) !== hash; // an earlier record has the same batch id and another body
    for (const reading of record.readings) {
      const tag = `${reading.type} ${reading.tag}`;
      const rows = rowsByTag.get(tag) ?? [];
      rowsByTag.delete(tag);
      const name = `reading ${reading.tag} of record ${record.record} (${record.outcomes.join(", ")})`;
      const isStorable = reading.refusal === undefined && !isReuse;
      if (!isStorable && rows.length > 0) found.push(`${name} must not be stored and is`);
      if (isStorable && isAcked(record) && rows.length === 0) found.push(`${name} is lost`);
      if (rows.length > 1) found.push(`${name} is stored ${rows.length} times`);
      for (const row of rows) found.push(...differences(name, reading, row));
    }
  }
  for (const tag of rowsByTag.keys()) found.push(`a row ${tag} is stored that nobody sent`);
  return found;
}

/** In the order of the columns, as far as readings of a run have values. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  machine: ["state", "machine_type", "error_code", "power_watts", "temperature_c", "cycle_count"],
  energy: ["circuit_name", "voltage"],
  "air-quality": ["location", "co2_ppm"],
};

/** Two bits a column, the first one's lowest: 1 uncertain, 2 bad, 3 implausible; null when all are good. */
function qualityOf({ type, quality = {} }: SentReading): number | null {
  const flags = Object.entries(quality).map(([name, word]) => {
    const code = ["uncertain", "bad", "implausible"].indexOf(word) + 1;
    return code * 4 ** COLUMNS[type]!.indexOf(name);
  });
  return flags.length === 0 ? null : flags.reduce((sum, flag) => sum + flag);
}

function differences(name: string, reading: SentReading, row: Row): string[] {
  const sent: Row = {
    time_ms: Date.parse(reading.ts),
    machine_id: reading.machineId,
    site_id: reading.siteId ?? null,
    quality: qualityOf(reading),
    ...reading.values,
  };
  const values = row["values"] as Row;
  const stored: Row = { ...values, ...row, time_ms: Number(row["time_ms"]) };
  const wrong = Object.keys(sent).filter((column) => stored[column] !== sent[column]);
  const more = Object.keys(values).filter((column) => values[column] !== null && !(column in sent));
  return [
    ...wrong.map((column) => `${name}: ${column} is ${String(stored[column])}, was ${String(sent[column])}`),
    ...more.map((column) => `${name}: ${column} is ${String(values[column])}, was not sent`),
  ];
}
