import * as z from "zod";

/**
 * The four types of reading (seed 004), their tables and their metrics. One table is the source of validation,
 * columns, COPY order and the answer of the API.
 */
export const READING_TYPES = ["machine", "energy", "air-quality", "scan"] as const;
export type ReadingType = (typeof READING_TYPES)[number];

export type MetricKind = "number" | "count" | "token" | "text";

/** One measured quantity of a reading type. */
export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  /** Of a number, as it is written (UCUM names would need a table of their own); undefined for texts. */
  readonly unit?: string;
  /**
   * What is physically possible for a number, both ends included. A value outside is kept and marked implausible, so
   * the limits are those that no working device crosses, not those that a plant would like to see: rules are for these.
   */
  readonly range?: readonly [min: number, max: number];
}

const number = (name: string, unit: string, min: number, max: number): Metric => {
  return { name, kind: "number", unit, range: [min, max] };
};
const tokens = (...names: string[]): Metric[] => names.map((name) => ({ name, kind: "token" }));

const ABSOLUTE_ZERO_C = -273.15;
/** A gigawatt for four days: more than any site takes or feeds back within one interval. */
const INTERVAL_LIMIT = 1e8;

/**
 * Columns of each type after `time, machine_id, site_id, log_ref, ordinal`, in COPY order. New ones come last: the
 * quality flags of stored rows count from the front.
 *
 * A counter that runs backwards (a meter changed, a controller reset) is stored as it comes: ingest sees one reading,
 * in whatever order the readings arrive, and cannot tell a reset from a late one. Whoever takes differences decides.
 */
export const METRICS: Readonly<Record<ReadingType, readonly Metric[]>> = {
  machine: [
    ...tokens("state", "machine_type", "error_code"),
    number("power_watts", "W", -1e8, 1e8), // the largest drives take 100 MW, and braking feeds back
    number("temperature_c", "°C", ABSOLUTE_ZERO_C, 4_000), // above every furnace, and what thermocouples read to
    { name: "cycle_count", kind: "count", unit: "1", range: [0, 1e12] }, // a thousand a second for 31 years
  ],
  energy: [
    ...tokens("circuit_name"),
    number("voltage", "V", -1.2e6, 1.2e6), // the highest grids, direct current included, run at 1.1 MV
    number("current", "A", -1e6, 1e6), // the largest smelters take 0.6 MA
    number("power_factor", "1", -1, 1),
    // `kwh_cumulative` is a meter's counter; `kwh_interval` is the energy of the interval that the stamp closes.
    number("kwh_cumulative", "kWh", 0, 1e12),
    number("kwh_interval", "kWh", -INTERVAL_LIMIT, INTERVAL_LIMIT),
    number("kvarh_lagging_interval", "kvarh", -INTERVAL_LIMIT, INTERVAL_LIMIT),
    number("kvarh_leading_interval", "kvarh", -INTERVAL_LIMIT, INTERVAL_LIMIT),
    number("power_factor_leading", "1", -1, 1),
    number("co2_kg_interval", "kg", -INTERVAL_LIMIT, INTERVAL_LIMIT),
  ],
  "air-quality": [
    ...tokens("location"),
    number("co2_ppm", "ppm", 0, 1e6), // a million parts of a million are all of them
    number("voc_ppb", "ppb", 0, 1e9),
    number("pm1_ugm3", "µg/m³", 0, 1e6), // a gram in a cubic metre: no light passes the sensor
    number("pm25_ugm3", "µg/m³", 0, 1e6),
    number("pm4_ugm3", "µg/m³", 0, 1e6),
    number("pm10_ugm3", "µg/m³", 0, 1e6),
    number("temperature_c", "°C", -100, 150), // colder than any place on earth; hotter than sensors of air live in
    number("humidity_pct", "%", 0, 100),
    number("pressure_hpa", "hPa", 300, 1_200), // the highest summit and the deepest mine
    number("dew_point_c", "°C", -120, 150),
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
  /** See `qualityOf`; 0 when all values are good. */
  readonly quality: number;
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

/** What a device may say of a value of its own; of the others it says nothing, and they are good. */
const QUALITY_CLAIMS = ["uncertain", "bad"] as const;
export type QualityClaim = (typeof QUALITY_CLAIMS)[number];

function qualitySchema(type: ReadingType) {
  const shape = METRICS[type].map(({ name }) => [name, z.enum(QUALITY_CLAIMS).optional()]);
  return z.strictObject(Object.fromEntries(shape) as Record<string, z.ZodType<QualityClaim | undefined>>);
}

const readingSchema = <T extends ReadingType>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    machineId: externalId,
    siteId: externalId.optional(),
    ts: z.iso.datetime({ offset: true }),
    values: valuesSchema(type),
    quality: qualitySchema(type).optional(),
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
  readonly quality?: Readonly<Record<string, QualityClaim>> | undefined;
}
