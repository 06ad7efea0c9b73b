/**
 * For each unit of the price book what AWS calls it, in lower case, and how many of ours one of theirs is. A name that is
 * not here is not guessed at: the price is left out.
 */
const AWS_NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  hour: { hrs: 1, hours: 1, hour: 1, "shard hour": 1, shardhour: 1, streamhr: 1 },
  "AZ-hour": { hrs: 1, hours: 1, hour: 1 },
  "vCPU-hour": { hours: 1, hrs: 1, "vcpu-hours": 1, "vcpu-hour": 1, "vcpu-hr": 1 },
  "GB-hour": { hours: 1, "gb-hours": 1, "gb-hour": 1, "gb-hr": 1 },
  "LCU-hour": { "lcu-hrs": 1, "lcu-hours": 1, "lcu-hour": 1 },
  "GB-month": { "gb-mo": 1, "gb-month": 1, "gb-months": 1 },
  "IOPS-month": { "iops-mo": 1 },
  "MBps-month": { "mibps-mo": 1, "gibps-mo": 1024 },
  GB: { gb: 1, gigabytes: 1 },
  "GB-second": { "lambda-gb-second": 1, "gb-second": 1, "gb-seconds": 1, seconds: 1, second: 1 },
  request: { requests: 1, request: 1, "api requests": 1, "api request": 1, "api calls": 1, count: 1 },
  "put-unit": { putrequest: 1, "put payload unit": 1, payloadunits: 1 },
  message: { messages: 1, message: 1 },
  minute: { minutes: 1, minute: 1 },
  delivery: { notifications: 1, notification: 1 },
  recipient: { recipients: 1, recipient: 1, count: 1 },
  query: { queries: 1, query: 1 },
  day: { days: 1, "budget-days": 1, day: 1 },
  "object-month": { objects: 1, "objects-mo": 1 },
  "zone-month": { hostedzone: 1, mo: 1 },
  "key-month": { keys: 1, months: 1 },
  "secret-month": { secrets: 1, "secret-month": 1 },
  "parameter-month": { "parameter-month": 1, "param-month": 1, parameters: 1 },
  "metric-month": { metrics: 1 },
  "alarm-month": { alarms: 1 },
  "dashboard-month": { dashboards: 1 },
  "acl-month": { webacls: 1, acl: 1, month: 1 },
  "rule-month": { rules: 1, month: 1 },
  "user-month": { users: 1, user: 1, "user-month": 1 },
};

/** How many of `unit` one of AWS's is; undefined where that is not known. */
export function countOf(unit: string, awsUnit: string): number | undefined {
  return AWS_NAMES[unit]?.[awsUnit.toLowerCase()];
}
