import { PROMISED_LATENCY_MS } from "../alert-latency.ts";

/** A figure of CloudWatch; its dimensions are the subject's. */
interface Metric {
  readonly namespace: string;
  readonly name: string;
  /** `Sum`, `Maximum`, `Average`, `p99`, … */
  readonly statistic: string;
}

/** When somebody must look. */
export interface AlarmRule {
  /** What has happened, for whom the message wakes; `{}` stands for the subject. */
  readonly title: string;
  readonly metric: Metric;
  /** The metric is judged as percent of this one. */
  readonly perMetric?: Metric;
  /** Above it the alarm rings; `below`: when the metric is lower. */
  readonly threshold: number;
  readonly isBelow?: boolean;
  readonly periodSeconds: number;
  /** So many periods in a row. */
  readonly periodCount: number;
  /** Silence is an alarm too: who publishes the metric may be what is down. */
  readonly alarmsOnSilence?: boolean;
}

const lambda = (name: string, statistic: string): Metric => ({ namespace: "AWS/Lambda", name, statistic });
const api = (name: string, statistic: string): Metric => ({ namespace: "AWS/ApiGateway", name, statistic });
const balancer = (name: string, statistic: string): Metric => ({
  ...{ namespace: "AWS/ApplicationELB", name, statistic },
});
const catalog = (name: string, statistic: string): Metric => ({ namespace: "AWS/RDS", name, statistic });
// Published by the servers themselves (components/aws/timescale/files/metrics.sh), every minute.
const server = (name: string): Metric => ({ namespace: "Millwright/Timescale", name, statistic: "Maximum" });
// Published by the handlers (handlers/embedded-metric.ts).
const own = (name: string, statistic: string): Metric => ({ namespace: "Millwright", name, statistic });

const FIVE_MINUTES = { periodSeconds: 300, periodCount: 1 };
const HOUR = { periodSeconds: 3_600, periodCount: 1 };
const THREE_MINUTES = { periodSeconds: 60, periodCount: 3 };
const TEN_MINUTES = { periodSeconds: 60, periodCount: 10 };
const GIB = 2 ** 30;

const SERVER = {
  connections: {
    ...{ title: "{} uses more than 80 % of its connections", threshold: 80, ...THREE_MINUTES },
    ...{ metric: server("ConnectionsUsed"), alarmsOnSilence: true },
  },
  dataVolume: {
    ...{ title: "the data volume of {} is more than 80 % full", threshold: 80, ...THREE_MINUTES },
    metric: server("DataVolumeUsed"),
  },
  walVolume: {
    ...{ title: "the WAL volume of {} is more than 80 % full", threshold: 80, ...THREE_MINUTES },
    metric: server("WalVolumeUsed"),
  },
} as const;

/** Every alarm, by the kind of thing that it watches: an alarm is a row here, and on the dashboard by itself. */
export const ALARM_RULES = {
  function: {
    errors: {
      ...{ title: "more than 5 % of the invocations of {} fail", threshold: 5, ...FIVE_MINUTES },
      ...{ metric: lambda("Errors", "Sum"), perMetric: lambda("Invocations", "Sum") },
    },
    throttles: {
      ...{ title: "{} is invoked more often than it may run at once", threshold: 0, ...THREE_MINUTES },
      metric: lambda("Throttles", "Sum"),
    },
  },
  deadLetters: {
    waiting: {
      ...{ title: "deliveries were given up: {}", threshold: 0, ...FIVE_MINUTES },
      metric: { namespace: "AWS/SQS", name: "ApproximateNumberOfMessagesVisible", statistic: "Maximum" },
    },
  },
  consumer: {
    lag: {
      ...{ title: "{} is more than a minute behind", threshold: 60, ...THREE_MINUTES },
      metric: { namespace: "AWS/Kafka", name: "EstimatedMaxTimeLag", statistic: "Maximum" },
    },
  },
  api: {
    errors: {
      ...{ title: "more than 5 % of the requests to {} fail", threshold: 5, ...FIVE_MINUTES },
      ...{ metric: api("5XXError", "Sum"), perMetric: api("Count", "Sum") },
    },
    latency: {
      ...{ title: "{} answers slower than 500 ms", threshold: 500, ...FIVE_MINUTES },
      metric: api("Latency", "p99"),
    },
  },
  service: {
    healthy: {
      // A start may take 5 minutes (components/aws/control-plane.ts), and a new release is one.
      ...{ title: "no task of {} has answered for 10 minutes", threshold: 1, isBelow: true, ...TEN_MINUTES },
      ...{ metric: balancer("HealthyHostCount", "Maximum"), alarmsOnSilence: true },
    },
    errors: {
      ...{ title: "more than 5 % of the calls of {} fail", threshold: 5, ...FIVE_MINUTES },
      ...{ metric: balancer("HTTPCode_Target_5XX_Count", "Sum"), perMetric: balancer("RequestCount", "Sum") },
    },
  },
  serviceTask: {
    memory: {
      // Published while a task runs, so silence says that none does.
      ...{ title: "{} uses more than 85 % of its memory, or does not run", threshold: 85, ...TEN_MINUTES },
      metric: { namespace: "AWS/ECS", name: "MemoryUtilization", statistic: "Maximum" },
      alarmsOnSilence: true,
    },
  },
  loadBalancer: {
    errors: {
      ...{ title: "{} finds nobody to answer calls", threshold: 0, ...THREE_MINUTES },
      metric: balancer("HTTPCode_ELB_5XX_Count", "Sum"),
    },
  },
  catalog: {
    connections: {
      // 80 % of what the smallest class of the presets takes (2 GB: max_connections about 225).
      ...{ title: "{} has more than 180 connections", threshold: 180, ...THREE_MINUTES },
      metric: catalog("DatabaseConnections", "Maximum"),
    },
    disk: {
      ...{
        title: "{} has less than 5 GiB of storage left",
        threshold: 5 * GIB,
        isBelow: true,
        ...FIVE_MINUTES,
      },
      metric: catalog("FreeStorageSpace", "Minimum"),
    },
  },
  primary: {
    ...SERVER,
    backupAge: {
      // One is made each night, between 02:30 and 03:00.
      ...{ title: "the last backup of {} is older than 26 h", threshold: 26 * 3_600, ...FIVE_MINUTES },
      ...{ metric: server("BackupAge"), alarmsOnSilence: true },
    },
    archive: {
      ...{ title: "{} has not archived its WAL for 15 minutes", threshold: 900, ...THREE_MINUTES },
      metric: server("ArchiveFailing"),
    },
  },
  replica: {
    ...SERVER,
    replicationLag: {
      ...{ title: "{} is more than 30 s behind its primary", threshold: 30, ...THREE_MINUTES },
      ...{ metric: server("ReplicationLag"), alarmsOnSilence: true },
    },
  },
  cell: {
    deadLetters: {
      ...{ title: "records of {} can never be stored", threshold: 0, ...FIVE_MINUTES },
      metric: own("DeadLetters", "Sum"),
    },
  },
  mail: {
    // Above 10 % and 0.5 % SES looks into an account, and then stops it (developer guide, read 2026-11-22).
    bounces: {
      ...{ title: "more than 5 % of the mail of {} comes back", threshold: 0.05, ...HOUR },
      metric: { namespace: "AWS/SES", name: "Reputation.BounceRate", statistic: "Maximum" },
    },
    complaints: {
      ...{ title: "more than 0.1 % of the mail of {} is complained about", threshold: 0.001, ...HOUR },
      metric: { namespace: "AWS/SES", name: "Reputation.ComplaintRate", statistic: "Maximum" },
    },
  },
  tenant: {
    latency: {
      title: `alerts of {} take longer than ${PROMISED_LATENCY_MS} ms`,
      ...{ metric: own("AlertLatency", "p99"), threshold: PROMISED_LATENCY_MS, ...FIVE_MINUTES },
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, AlarmRule>>>>;
export type SubjectKind = keyof typeof ALARM_RULES;

/** Rules of one kind, by name. */
export function alarmRulesOf(kind: SubjectKind): readonly (readonly [name: string, rule: AlarmRule])[] {
  return Object.entries(ALARM_RULES[kind]);
}
