import type { NewRecord } from "../../data/event-log/event-log.ts";
import { packLogRef } from "../../model/log-ref.ts";
import { METRICS, type WireReading } from "../../model/reading.ts";
import { randomFrom } from "../../test/support/seed.ts";

export const MACHINES = 45;
export const PARTITIONS = 2;
export const SEED = 20_261_121;
const FIRST_DAY_MS = Date.UTC(2026, 10, 20);

/** `rowCount` readings of machines that report once a second, in order of time. */
export function* readings(rowCount: number): Generator<WireReading> {
  const random = randomFrom(SEED);
  for (let number = 0; number < rowCount; number++) {
    yield {
      type: "machine",
      machineId: `m-${String(number % MACHINES).padStart(3, "0")}`,
      siteId: "site-1",
      ts: new Date(FIRST_DAY_MS + Math.floor(number / MACHINES) * 1_000).toISOString(),
      values: {
        state: random() < 0.8 ? "running" : "idle",
        power_watts: Math.round(random() * 200_000) / 100,
        temperature_c: Math.round(random() * 8_000) / 100,
        cycle_count: number,
      },
    };
  }
}

/** The readings as records of the log; one reading alone is an object, as single devices send it. */
export function* records(topic: string, rowCount: number, readingsPerRecord: number): Generator<NewRecord> {
  let held: WireReading[] = [];
  let recordCount = 0;
  for (const reading of readings(rowCount)) {
    held.push(reading);
    if (held.length < readingsPerRecord) continue;
    const value = Buffer.from(JSON.stringify(readingsPerRecord === 1 ? held[0] : held));
    yield { topic, partition: recordCount++ % PARTITIONS, headers: { source: "live" }, value };
    held = [];
  }
}

export const COPY_COLUMNS = [
  ...["time", "machine_id", "site_id", "log_ref", "ordinal"],
  ...METRICS.machine.map(({ name }) => name),
];

/** The same rows as lines of a text file for COPY. */
export function* copyLines(rowCount: number): Generator<string> {
  let number = 0;
  for (const { ts, machineId, siteId, values } of readings(rowCount)) {
    const partition = number % PARTITIONS;
    const offset = BigInt(Math.floor(number++ / PARTITIONS));
    const logRef = packLogRef({ generation: 1, partition, offset });
    const fields = METRICS.machine.map(({ name }) => values[name] ?? "\\N");
    yield `${[ts, machineId, siteId, logRef, 0, ...fields].join("\t")}\n`;
  }
}
