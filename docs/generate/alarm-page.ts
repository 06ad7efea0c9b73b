import { ALARM_RULES, alarmRulesOf, type AlarmRule, type SubjectKind } from "../../model/aws/alarm-rules.ts";

/** What is watched, for a reader who does not know our words for it. */
const SUBJECTS: Readonly<Record<SubjectKind, string>> = {
  function: "Each function",
  deadLetters: "Each function's queue of deliveries that were given up, and IoT Core's",
  consumer: "Each function's place in each topic that it reads",
  api: "The API's entrance",
  service: "The control plane, as its load balancer sees it",
  serviceTask: "The control plane's task",
  loadBalancer: "The control plane's load balancer",
  mail: "Mail to tenants",
  catalog: "The catalog's database",
  primary: "The primary server of each cell",
  replica: "The replica of each cell",
  cell: "Each cell",
  tenant: "Each tenant",
};

/** The page of all alarms, from the table that they are made of. */
export function alarmPage(): string {
  const kinds = Object.keys(ALARM_RULES) as SubjectKind[];
  return [
    "# Alarms on AWS",
    "",
    "Made by `npm run docs` from `model/aws/alarm-rules.ts`. Operators are told when one rings, and when it is over;",
    "how to add one: [how-to/alarm.md](how-to/alarm.md).",
    "",
    ...kinds.flatMap((kind) => [
      `## ${SUBJECTS[kind]}`,
      "",
      "| Alarm | Rings when | Figure | Judged |",
      "| --- | --- | --- | --- |",
      ...alarmRulesOf(kind).map(([name, rule]) => row(name, rule)),
      "",
    ]),
  ].join("\n");
}

function row(name: string, rule: AlarmRule): string {
  const {
    metric,
    perMetric,
    periodSeconds,
    periodCount,
    threshold,
    isBelow = false,
    alarmsOnSilence = false,
  } = rule;
  const figure = `\`${metric.namespace}\` ${metric.name}, ${metric.statistic}`;
  const judged = [
    `${isBelow ? "<" : ">"} ${threshold.toLocaleString("en")}${perMetric === undefined ? "" : " %"}`,
    `in ${periodCount} × ${periodSeconds} s`,
    ...(alarmsOnSilence ? ["or silence"] : []),
  ].join(" ");
  return `| ${name} | ${rule.title.replaceAll("{}", "it").replace(": it", "")} | ${figure}${perMetric === undefined ? "" : ` per ${perMetric.name}`} | ${judged} |`;
}
