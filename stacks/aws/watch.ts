import type * as pulumi from "@pulumi/pulumi";
import type { AlarmSubject } from "../../components/aws/alarm-subject.ts";
import { Alarms } from "../../components/aws/alarms.ts";
import { CostWatch } from "../../components/aws/cost-watch.ts";
import { Dashboard } from "../../components/aws/dashboard.ts";
import type { AwsScope } from "../../components/aws/names.ts";
import type { AwsConfig } from "../config/aws-config.ts";

interface Watched {
  readonly scope: AwsScope;
  readonly config: AwsConfig;
  readonly subjects: readonly AlarmSubject[];
  /** Where operators are told. */
  readonly topicArn: pulumi.Input<string>;
}

/** A surprise in a bill of thousands a month; the price of a forgotten server for two days. */
const ANOMALY_USD = 50;

/** Alarms and a dashboard of what a stack has made and, with a budget, of what it costs. */
export function watch(
  { scope, config, subjects, topicArn }: Watched,
  opts: pulumi.ComponentResourceOptions,
): void {
  const { region, budgetUsdPerMonth } = config;
  new Alarms("alarms", { scope, subjects, topicArn }, opts);
  new Dashboard("dashboard", { scope, region, subjects }, opts);
  if (budgetUsdPerMonth !== undefined)
    new CostWatch("costs", { scope, budgetUsdPerMonth, anomalyUsd: ANOMALY_USD, topicArn }, opts);
}
