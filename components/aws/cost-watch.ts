import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface CostWatchArgs {
  readonly scope: AwsScope;
  /** What the scope may cost, after AWS's own bill: it is counted a few times a day, so it warns and stops nothing. */
  readonly budgetUsdPerMonth: number;
  /** Smaller surprises are not worth a message. */
  readonly anomalyUsd: number;
  readonly topicArn: pulumi.Input<string>;
}

/** Of the budget: spent so far, and where the month is heading. */
const WARNINGS = [
  { notificationType: "ACTUAL", threshold: 80 },
  { notificationType: "ACTUAL", threshold: 100 },
  { notificationType: "FORECASTED", threshold: 100 },
] as const;

/** Budget and anomalies of what carries the scope's tag (`awsTags`), told to operators. */
export class CostWatch extends pulumi.ComponentResource {
  constructor(name: string, args: CostWatchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:CostWatch", name, {}, opts);
    const { scope, budgetUsdPerMonth, anomalyUsd, topicArn } = args;
    const child = { parent: this };
    const [key, value] =
      scope.tenant === undefined ? ["environment", scope.environment] : ["tenant", scope.tenant];

    new aws.budgets.Budget(
      name,
      {
        name: awsName("queue", scope, "budget"), // 100 characters at most
        budgetType: "COST",
        timeUnit: "MONTHLY",
        limitAmount: String(budgetUsdPerMonth),
        limitUnit: "USD",
        costFilters: [{ name: "TagKeyValue", values: [`user:${key}$${value}`] }],
        notifications: WARNINGS.map((warning) => ({
          ...{ ...warning, thresholdType: "PERCENTAGE", comparisonOperator: "GREATER_THAN" },
          subscriberSnsTopicArns: [topicArn],
        })),
      },
      child,
    );
    const monitor = new aws.costexplorer.AnomalyMonitor(
      name,
      {
        name: awsName("other", scope, "costs"),
        monitorType: "CUSTOM",
        monitorSpecification: JSON.stringify({ Tags: { Key: `user:${key}`, Values: [value] } }),
      },
      child,
    );
    new aws.costexplorer.AnomalySubscription(
      name,
      {
        name: awsName("other", scope, "costs"),
        frequency: "IMMEDIATE", // the only one that a topic takes
        monitorArnLists: [monitor.arn],
        subscribers: [{ type: "SNS", address: topicArn }],
        thresholdExpression: {
          dimension: {
            key: "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            matchOptions: ["GREATER_THAN_OR_EQUAL"],
            values: [String(anomalyUsd)],
          },
        },
      },
      child,
    );
    this.registerOutputs({});
  }
}
