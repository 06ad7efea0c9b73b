import { sum } from "./statement.ts";

/** What document 004 ("Option D: Timestream + Grafana") gives for 30 tenants; USD, and months of 30 days. */
export const SEED_004 = {
  tenants: 30,
  devicesPerTenant: 50,
  propertiesPerDevice: 5,
  bytesPerValue: 8,
  samplesPerSecond: 1,
  daysPerMonth: 30,
  hoursPerMonth: 720,
  /** Sensors of one deployment, at one sample a second each. */
  sensorsPerDeployment: [30, 45],
  /** What is left after "20 % compression" as the document computes it. */
  compressedShare: 0.2,
  timestream: { perGbIn: 0.5, perGbHourMemory: 0.036, perGbMonthMagnetic: 0.03, perGbScanned: 0.01 },
  memoryDays: { billed: 30, required: 90 },
  magneticMonths: 24,
  queriesUsd: 100,
  /** Printed messages a month, and the price of a million below and above the first 1,000 million. */
  iot: { messagesPerMonth: 2.6e9, perMillion: [1, 0.8], perMillionMinutes: 0.08, perDeviceMonth: 0.08 },
  kinesis: { shards: 10, perShardHour: 0.015, perMillionUnits: 0.014, recordKb: 1, unitKb: 25 },
  lambda: { perMillion: 0.2, perGbSecond: 0.0000166667, batch: 1_000, apiRequests: 5e6, scheduledJobs: 720 },
  cloudWatch: { metrics: 1_000, perMetric: 0.3, logGb: 50, storedGb: 100, alarms: 500, perAlarm: 0.1 },
  siteWise: { perAsset: 1, perThousandValues: 0.5 },
} as const;

const { daysPerMonth, hoursPerMonth, timestream, iot, kinesis, lambda, cloudWatch, siteWise } = SEED_004;
export const devices = SEED_004.tenants * SEED_004.devicesPerTenant;
const secondsPerDay = 86_400;
const GB = 1e9;
const GIB = 2 ** 30;
/** The document takes 1,000 MB for a GB of memory; Lambda bills 1,024. */
export const MB_PER_GB = { document: 1_000, billed: 1_024 };

const valuesPerDay = devices * SEED_004.propertiesPerDevice * SEED_004.samplesPerSecond * secondsPerDay;
const valuesPerMonth = valuesPerDay * daysPerMonth;
export const messagesAtOneHertz = devices * SEED_004.samplesPerSecond * secondsPerDay * daysPerMonth;
export const rowsPerDay = SEED_004.sensorsPerDeployment.map((sensors) => sensors * secondsPerDay);
export const messagesOfOneDeployment = (rowsPerDay[0] ?? 0) * daysPerMonth;

export const rawGbPerDay = (valuesPerDay * SEED_004.bytesPerValue) / GB;
/** As it is printed and multiplied on: 1.04 GB a day, 31.2 a month. */
const gbPerDay = 1.04;
export const gbPerMonth = gbPerDay * daysPerMonth;
export const memoryUsd = (days: number) =>
  ((gbPerMonth * days) / daysPerMonth) * timestream.perGbHourMemory * hoursPerMonth;
/** Of dashboards, the API and scheduled jobs: queries a day times GB scanned. */
export const scannedGbPerDay = [100 * 0.01, 200 * 0.005, 24 * 0.1];
export const timestreamUsd =
  15.6 + 808.7 + gbPerMonth * SEED_004.magneticMonths * timestream.perGbMonthMagnetic + SEED_004.queriesUsd;

export const connectivityUsd = ((devices * daysPerMonth * 24 * 60) / 1e6) * iot.perMillionMinutes;
/** USD a month for messages into IoT Core, in the document's two steps. */
export const messagesUsd = (count: number) =>
  (Math.min(count, 1e9) / 1e6) * iot.perMillion[0] + (Math.max(0, count - 1e9) / 1e6) * iot.perMillion[1];
export const shardsUsd = kinesis.shards * kinesis.perShardHour * hoursPerMonth;
export const unitsUsd = (records: number) => (records / 1e6) * kinesis.perMillionUnits;
export const streamInvocations = iot.messagesPerMonth / lambda.batch;
export const invocations = streamInvocations + lambda.apiRequests + lambda.scheduledJobs;
export const invocationsUsd = (invocations / 1e6) * lambda.perMillion;
export const streamGbSeconds = (mbPerGb: number) => (streamInvocations * 0.2 * 512) / mbPerGb;
export const apiGbSeconds = (mbPerGb: number) => (lambda.apiRequests * 0.1 * 256) / mbPerGb;
export const gbSeconds = streamGbSeconds(MB_PER_GB.billed) + apiGbSeconds(MB_PER_GB.billed);
export const gbSecondsUsd = gbSeconds * lambda.perGbSecond;
/** Quantity times price of the services that have no slip, part by part as the document lists them: USD a month. */
export const PARTS_USD = {
  dynamoDb: [50 * 0.25, 10 * 0.25, 3 * 1.25],
  apiGateway: [5 * 3.5, 1 * 0.25],
  grafana: [10 * 29],
  sageMaker: [10 * 0.269, 0.05 * hoursPerMonth],
  cloudWatch: [
    cloudWatch.metrics * cloudWatch.perMetric,
    cloudWatch.logGb * 0.5,
    cloudWatch.storedGb * 0.03,
    cloudWatch.alarms * cloudWatch.perAlarm,
  ],
  s3: [500 * 0.023],
  amplify: [100 * 0.01, 10 * 0.023, 100 * 0.15],
  secrets: [50 * 0.4, 10 * 0.05],
  kms: [5 * 1, 100 * 0.03],
  cloudFront: [100 * 0.085, 1_000 * 0.0075],
  backup: [100 * 0.05],
} as const;

/** Option D by the document's own prices, its slips mended, at a number of messages: USD a month. */
export function optionDUsd(messagesPerMonth: number): number {
  const iotUsd = connectivityUsd + messagesUsd(messagesPerMonth);
  const batches = messagesPerMonth / lambda.batch;
  const functionsUsd =
    ((batches + lambda.apiRequests + lambda.scheduledJobs) / 1e6) * lambda.perMillion +
    ((batches * 0.2 * 512) / MB_PER_GB.billed + apiGbSeconds(MB_PER_GB.billed)) * lambda.perGbSecond;
  const streamUsd = shardsUsd + unitsUsd(messagesPerMonth);
  return timestreamUsd + iotUsd + functionsUsd + streamUsd + sum(Object.values(PARTS_USD).flat());
}

/** Messages a month: one deployment's rows, what is printed, and every device at one a second. */
export const MESSAGES_PER_MONTH = {
  low: messagesOfOneDeployment,
  expected: iot.messagesPerMonth,
  high: messagesAtOneHertz,
};

/** Appendix A's own function, run with its own example. @returns USD a month */
export function appendixA(): { readonly siteWise: number; readonly timestream: number } {
  const gb = ((valuesPerMonth * SEED_004.bytesPerValue) / GIB) * SEED_004.compressedShare;
  return {
    siteWise: devices * siteWise.perAsset + (valuesPerMonth / 1_000) * siteWise.perThousandValues,
    timestream:
      gb * timestream.perGbIn + gb * timestream.perGbHourMemory * hoursPerMonth + SEED_004.queriesUsd,
  };
}
