import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { alarmRulesOf, type AlarmRule } from "../../model/aws/alarm-rules.ts";
import type { AlarmSubject } from "./alarm-subject.ts";
import { awsName, type AwsScope } from "./names.ts";

export interface AlarmsArgs {
  readonly scope: AwsScope;
  readonly subjects: readonly AlarmSubject[];
  /** Told when an alarm rings, and when it is over. */
  readonly topicArn: pulumi.Input<string>;
}

/** One alarm for each subject and each rule of its kind (model/aws/alarm-rules.ts). */
export class Alarms extends pulumi.ComponentResource {
  constructor(
    name: string,
    { scope, subjects, topicArn }: AlarmsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("millwright:aws:Alarms", name, {}, opts);
    for (const subject of subjects)
      for (const [ruleName, rule] of alarmRulesOf(subject.kind)) {
        new aws.cloudwatch.MetricAlarm(
          `${name}-${partOf(subject, ruleName)}`,
          {
            name: alarmName(scope, subject, ruleName),
            alarmDescription: rule.title.replace("{}", subject.name),
            comparisonOperator: rule.isBelow === true ? "LessThanThreshold" : "GreaterThanThreshold",
            threshold: rule.threshold,
            evaluationPeriods: rule.periodCount,
            treatMissingData: rule.alarmsOnSilence === true ? "breaching" : "notBreaching",
            ...measured(rule, subject),
            alarmActions: [topicArn],
            okActions: [topicArn],
          },
          { parent: this },
        );
      }
    this.registerOutputs({});
  }
}

/** What an alarm is called on AWS. @param ruleName - of a rule of the subject's kind */
export function alarmName(scope: AwsScope, subject: AlarmSubject, ruleName: string): string {
  return awsName("other", scope, partOf(subject, ruleName));
}

const partOf = ({ kind, name }: AlarmSubject, ruleName: string) =>
  `${kebab(kind)}-${name}-${kebab(ruleName)}`;

/** The metric, or its share of another one in percent; where nothing was done, nothing failed. */
function measured(rule: AlarmRule, { dimensions }: AlarmSubject): Partial<aws.cloudwatch.MetricAlarmArgs> {
  const { metric, perMetric, periodSeconds: period } = rule;
  if (perMetric === undefined) {
    const { namespace, name: metricName, statistic } = metric;
    const isPercentile = /^p\d/.test(statistic);
    return {
      ...{ namespace, metricName, dimensions, period },
      ...(isPercentile ? { extendedStatistic: statistic } : { statistic }),
    };
  }
  const query = (id: string, { namespace, name: metricName, statistic: stat }: AlarmRule["metric"]) => ({
    id,
    metric: { namespace, metricName, stat, period, dimensions },
  });
  return {
    metricQueries: [
      { id: "share", expression: "IF(whole > 0, 100 * part / whole, 0)", label: "percent", returnData: true },
      query("part", metric),
      query("whole", perMetric),
    ],
  };
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
