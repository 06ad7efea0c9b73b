import * as z from "zod";
import { MillwrightError } from "./errors.ts";
import { externalId, METRICS, READING_TYPES, type Metric, type ReadingType } from "./reading.ts";

/**
 * How the columns of a customer's CSV become readings. Strict: a misspelt key must not import half a file. How to
 * write one, with examples: docs/import.md.
 */
const columnName = z.string().min(1).max(200);

const idSource = z.union([z.strictObject({ constant: externalId }), z.strictObject({ column: columnName })], {
  error: "must be {constant: ID} or {column: NAME}",
});

const timeSource = z.strictObject({
  /** Joined by one space before they are read with `format`. */
  columns: z.array(columnName).min(1).max(8),
  /** Luxon tokens (`d/M/yyyy H:mm`), or `iso`, `unix` (seconds since 1970), `unix-ms`. */
  format: z.string().min(1).max(64),
  /** IANA name; left out only where each stamp carries its own offset. */
  zone: z.string().min(1).max(64).optional(),
  /** `closes-day`: a stamp of 00:00 carries the date of the day which ends there. */
  midnight: z.enum(["opens-day", "closes-day"]).default("opens-day"),
});

const finite = z.number();

const valueSource = z.union(
  [
    z.strictObject({ constant: z.union([finite, z.string().min(1).max(128)]) }),
    z.strictObject({
      column: columnName,
      /** value = cell × factor + offset, rounded to 15 significant digits */
      factor: finite.optional(),
      offset: finite.optional(),
      /** A row without it is a gap: counted, not imported. */
      required: z.boolean().default(false),
    }),
  ],
  { error: "must be {column: NAME, factor?, offset?, required?} or {constant: VALUE}" },
);
export type ValueSource = z.infer<typeof valueSource>;

const importMap = z
  .strictObject({
    type: z.enum(READING_TYPES),
    machineId: idSource,
    siteId: idSource.optional(),
    time: timeSource,
    values: z
      .record(z.string(), valueSource)
      .refine((values) => Object.values(values).some((source) => "column" in source), "needs a column"),
    /** Cells that say "not measured", compared after trimming. */
    missing: z.array(z.string()).default([""]),
    csv: z
      .strictObject({
        delimiter: z.string().length(1).default(","),
        decimal: z.enum([".", ","]).default("."),
      })
      .prefault({}),
    /** `ascending`: a row that is not later than the row before it of the same machine is refused. */
    order: z.enum(["any", "ascending"]).default("any"),
  })
  .superRefine((map, context) => {
    for (const [name, source] of Object.entries(map.values)) {
      const problem = metricProblem(map.type, name, source);
      if (problem !== undefined)
        context.addIssue({ code: "custom", path: ["values", name], message: problem });
    }
  });
export type ImportMap = z.infer<typeof importMap>;

/** undefined for a name that `type` does not measure */
export function metricOf(type: ReadingType, name: string): Metric | undefined {
  return METRICS[type].find((metric) => metric.name === name);
}

function metricProblem(type: ReadingType, name: string, source: ValueSource): string | undefined {
  const metric = metricOf(type, name);
  if (metric === undefined) {
    return `${type} has no such metric; it has ${METRICS[type].map((known) => known.name).join(", ")}`;
  }
  const isNumeric = metric.kind === "number" || metric.kind === "count";
  if ("constant" in source) {
    if ((typeof source.constant === "number") !== isNumeric)
      return isNumeric ? "needs a number" : "needs a text";
    return undefined;
  }
  const isScaled = source.factor !== undefined || source.offset !== undefined;
  return isScaled && !isNumeric ? "is no number: factor and offset have no meaning" : undefined;
}

/**
 * @param raw - the parsed YAML or JSON
 * @throws MillwrightError `import-map-invalid` that names each wrong key
 */
export function parseImportMap(raw: unknown): ImportMap {
  const parsed = importMap.safeParse(raw);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({ pointer: `/${path.join("/")}`, message }));
  throw new MillwrightError("import-map-invalid", "The map cannot be used.", { fields });
}
