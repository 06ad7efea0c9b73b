import { AWS_PRESETS, type AwsPreset } from "../aws/settings.ts";
import { MillwrightError } from "../errors.ts";
import type { Charge } from "./cost-line.ts";
import type { Entrance } from "./entrance.ts";
import { ONE_MONTH, type Standing } from "./month.ts";
import { mapRange, type Range } from "./range.ts";
import { charge } from "./resources/charging.ts";
import type { MonthlyUsage } from "./usage.ts";

/** Of storage and transfer, as AWS counts them. */
export const BYTES_PER_GB = 2 ** 30;

/** Readings that come with one call: a gateway of a site sends what its machines said in some seconds. */
const READINGS_PER_CALL = 50;
/** A message of IoT Core is metered by so much of it. */
const BYTES_PER_MESSAGE = 5 * 1_024;
/** What an answer of the API weighs on its way out. */
const BYTES_PER_QUERY = 20_000;
const BYTES_PER_NOTIFICATION = 2_000;
/** Lines that Lambda itself writes of an invocation. */
const LOG_BYTES_PER_INVOCATION = 400;
/** A source of Kafka asks so often while records keep coming (its collecting time, rounded down). */
const MOST_INVOCATIONS_PER_SECOND = 2;
/** Memory in GB, and seconds that an invocation takes beside those for its readings. */
const FUNCTIONS = {
  ingest: { gb: 2, seconds: 0.03 },
  alert: { gb: 1, seconds: 0.02 },
  notify: { gb: 0.5, seconds: 0.2 },
};
/** Seen: 100,000 a second on a core of a server; of one core of a function, a third. */
const SECONDS_PER_READING = 1 / 33_000;
/** Weekly full backups and the changes since, compressed: 5 copies of a third. */
const BACKUP_COPIES = 5 / 3;
/** Brokers lie in three zones: two of three ways cross zones; a record comes in once and is read by two consumers. */
const CROSSINGS_PER_BYTE = (2 / 3) * 3;
/** Each direction of a crossing is charged. */
const DIRECTIONS = 2;
/** How the archive's classes share what has gathered evenly over a year: 1 month, 2 months, 9 months. */
const ARCHIVE_CLASSES = [
  ["s3/standard-storage", 1 / 12],
  ["s3/standard-ia-storage", 2 / 12],
  ["s3/glacier-storage", 9 / 12],
] as const;
/** One of each table a day. */
const ARCHIVED_OBJECTS = 150;

/** Logs are charged for by the month that they are kept. */
const LOG_DAYS_PER_MONTH = 30;

/** Where something is used. */
export interface UsePlace {
  /** Says for how long logs are kept. */
  readonly preset: AwsPreset;
  readonly entrance: Entrance;
}

/**
 * What a month's use of one tenant is charged with: requests, computing time, transfer, storage beyond the servers' own. A
 * charge is straight in the use, or a constant: twice the use never costs less.
 * @param standing - how long the tenant was there
 * @throws MillwrightError `request-invalid` of a use that is negative or no number
 */
export function usageCharges(
  usage: MonthlyUsage,
  { preset, entrance }: UsePlace,
  { hours, months }: Standing = ONE_MONTH,
): Charge[] {
  for (const [name, value] of Object.entries(usage) as [string, number][])
    if (!(value >= 0) || !Number.isFinite(value))
      throw new MillwrightError("request-invalid", `A usage of ${value} ${name} cannot be charged.`, {
        fields: [{ pointer: `/usage/${name}`, message: "a number, not negative" }],
      });
  const { readings, logBytes, queries, notifications, storageBytes, archiveBytes } = usage;
  const gb = (bytes: number) => bytes / BYTES_PER_GB;
  const calls = entrance === "http" ? readings / READINGS_PER_CALL : 0;
  const records = entrance === "http" ? calls : readings;
  const messages = entrance === "iot" ? Math.max(readings, logBytes / BYTES_PER_MESSAGE) : 0;
  const mostBatches = hours * 3_600 * MOST_INVOCATIONS_PER_SECOND;
  const batches: Range = {
    low: Math.min(records, mostBatches) / 10,
    expected: Math.min(records, mostBatches),
    high: mostBatches * (readings > 0 ? 1 : 0),
  };
  const invocations = mapRange(batches, (count) => 2 * count + notifications);
  const { ingest, alert, notify } = FUNCTIONS;
  const computing = mapRange(
    batches,
    (count) =>
      (ingest.gb + alert.gb) * readings * SECONDS_PER_READING +
      count * (ingest.gb * ingest.seconds + alert.gb * alert.seconds) +
      notifications * notify.gb * notify.seconds,
  );
  const out = queries * BYTES_PER_QUERY + notifications * BYTES_PER_NOTIFICATION;
  const batching = "a batch of a tenant's readings comes at most twice a second to each function";
  const perCall = entrance === "http" ? `${READINGS_PER_CALL} readings come with a call` : undefined;
  const logGb = mapRange(invocations, (count) => gb(count * LOG_BYTES_PER_INVOCATION));
  const logDays = AWS_PRESETS[preset].functions.logRetentionDays;
  return [
    charge("api", "api-gateway/rest-requests", calls + queries, perCall),
    ...(messages > 0 ? [charge("machine-entrance", "iot/messages", messages, "a reading is a message")] : []),
    charge("functions", "lambda/requests", invocations, batching),
    charge("functions", "lambda/duration/arm64", computing, batching),
    charge("monitoring", "cloudwatch/log-ingest", logGb),
    charge(
      "monitoring",
      "cloudwatch/log-storage",
      mapRange(logGb, (each) => (each * logDays) / LOG_DAYS_PER_MONTH),
      `for the ${logDays} days that they are kept`,
    ),
    charge("monitoring", "cloudwatch/metrics", months, "one metric of the tenant's own"),
    charge(
      "network",
      "data-transfer/cross-az",
      gb(logBytes) * CROSSINGS_PER_BYTE * DIRECTIONS,
      "brokers in three zones",
    ),
    charge("network", "data-transfer/internet", gb(out), `${BYTES_PER_QUERY} bytes an answer`),
    charge("network", "nat/data", gb(notifications * BYTES_PER_NOTIFICATION)),
    charge(
      "archive",
      "s3/standard-storage",
      gb(storageBytes) * BACKUP_COPIES * months,
      "backups: 5 copies, compressed to a third",
    ),
    ...ARCHIVE_CLASSES.map(([price, part]) =>
      charge("archive", price, gb(archiveBytes) * part * months, "a year's readings, gathered evenly"),
    ),
    charge(
      "archive",
      "s3/put-requests",
      archiveBytes > 0 ? ARCHIVED_OBJECTS * months : 0,
      "an object a table and day",
    ),
  ];
}
