import { z } from "zod";

/**
 * The four types of reading (seed 004), their tables and their metrics. One table is the source of validation,
 * columns, COPY order and the answer of the API.
 */
export const READING_TYPES = ["machine", "energy", "air-quality", "scan"] as const;
export type ReadingType = (typeof READING_TYPES)[number];

export type MetricKind = "number" | "count" | "token" | "text";

/** One measured quantity of a reading type; the unit is part of the name. */
export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
}

const numbers = (...names: string[]): Metric[] => names.map((name) => ({ name, kind: "number" }));
const tokens = (...names: string[]): Metric[] => names.map((name) => ({ name, kind: "token" }));

/** Columns of each type after `time, machine_id, site_id, log_ref, ordinal`, in COPY order. */
export const METRICS: Readonly<Record<ReadingType, readonly Metric[]>> = {
  machine: [
    ...tokens("state", "machine_type", "error_code"),
    ...numbers("power_watts", "temperature_c"),
    { name: "cycle_count", kind: "count" },
  ],
  energy: [
    ...tokens("circuit_name"),
    // `kwh_cumulative` is a meter's counter; `kwh_interval` is the energy of the interval that the stamp closes.
    ...numbers("voltage", "current", "power_factor", "kwh_cumulative", "kwh_interval"),
    ...numbers("kvarh_lagging_interval", "kvarh_leading_interval", "power_factor_leading", "co2_kg_interval"),
  ],
  "air-quality": [
    ...tokens("location"),
    ...numbers("co2_ppm", "voc_ppb", "pm1_ugm3", "pm25_ugm3", "pm4_ugm3", "pm10_ugm3"),
    ...numbers("temperature_c", "humidity_pct", "pressure_hpa", "dew_point_c"),
  ],
  scan: [...tokens("job_id", "location_id", "scan_type"), { name: "metadata", kind: "text" }],
};

export const TABLES: Readonly<Record<ReadingType, string>> = {
  machine: "machine_telemetry",
  energy: "energy_monitoring",
  "air-quality": "air_quality",
  scan: "job_scan_events",
};

export type ReadingValue = number | string;

/** What one machine reports at one instant. */
export interface Reading {
  readonly type: ReadingType;
  readonly machineId: string;
  readonly siteId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly values: Readonly<Record<string, ReadingValue>>;
}

export const EXTERNAL_ID = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
export const MAX_TOKEN_LENGTH = 128;
export const MAX_TEXT_LENGTH = 4_096;

/** Ids from outside: printable, no spaces, at most 128 characters. */
export const externalId = z.string().regex(EXTERNAL_ID, "1-128 characters: letters, digits and . _ : / -");

/** What a client calls a batch, so that a repeated delivery adds nothing for 24 h. */
export const batchId = z.string().regex(/^[\x21-\x7e]{1,128}$/, "1-128 printable ASCII characters");

const KIND_SCHEMAS: Readonly<Record<MetricKind, z.ZodType<ReadingValue>>> = {
  number: z.number(), // zod refuses NaN and Infinity, which is what JSON.parse makes of 1e400
  count: z.int().min(0),

  token: z
    .string()
    .min(1)
    .max(MAX_TOKEN_LENGTH)
    .regex(/^[^\u0000-\u001f\u007f\ud800-\udfff]*$/u, "no control characters, no half of a surrogate pair"),

  text: z
    .string()
    .max(MAX_TEXT_LENGTH)
    .regex(/^[^\u0000\ud800-\udfff]*$/u, "no U+0000, no half of a surrogate pair"),
};

function valuesSchema(type: ReadingType) {
  const shape = Object.fromEntries(
    METRICS[type].map(({ name, kind }) => [name, KIND_SCHEMAS[kind].optional()]),
  );
  return z.strictObject(shape).refine((values) => Object.keys(values).length > 0, "at least one value");
}

const readingSchema = <T extends ReadingType>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    machineId: externalId,
    siteId: externalId.optional(),
    ts: z.iso.datetime({ offset: true }),
    values: valuesSchema(type),
  });

/** A reading as it travels: in the body of `POST /v1/data` and in the records of the log. */
export const wireReading = z.discriminatedUnion("type", [
  readingSchema("machine"),
  readingSchema("energy"),
  readingSchema("air-quality"),
  readingSchema("scan"),
]);
export interface WireReading {
  readonly type: ReadingType;
  readonly machineId: string;
  readonly siteId?: string | undefined;
  readonly ts: string;
  readonly values: Readonly<Record<string, ReadingValue>>;
}
