import { expect } from "chai";
import { GradualShift } from "../../../components/aws/gradual-shift.ts";
import { HandlerFunction } from "../../../components/aws/handler-function.ts";
import { Alarms } from "../../../components/aws/alarms.ts";
import { functionSubjects } from "../../../components/aws/alarm-subject.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const scope = { environment: "production", tenant: undefined };

describe("GradualShift", () => {
  const created = mockAws();
  const make = (shiftsGradually = true) =>
    new HandlerFunction(
      "alert",
      {
        ...{ scope, handler: "alert", bundles: "dist/handlers", shiftsGradually, logRetentionDays: 90 },
        ...{ subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] },
        ...{ keyArns: { secrets: KEY, logs: KEY, messages: KEY } },
        eventLog: { clusterArn: "arn:aws:kafka:us-east-1:123456789012:cluster/m/a-1", brokers: "b-1:9098" },
        secrets: { CATALOG_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:catalog" },
      },
      created.watched,
    );

  it("shifts a tenth each minute, and takes it back when an alarm of the function rings", async () => {
    const alert = make();
    const { releases } = new GradualShift(
      "shift",
      { scope, functions: new Map([["alert", alert]]) },
      created.watched,
    );
    const subjects = functionSubjects("alert", alert);
    new Alarms("alarms", { scope, subjects, topicArn: "arn:aws:sns:us-east-1:1:t" }, created.watched);
    const resources = await created.settled();
    const { inputs } = resources.get("aws:codedeploy/deploymentGroup:DeploymentGroup", "shift-alert");
    expect(inputs).to.deep.include({
      deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
      autoRollbackConfiguration: {
        enabled: true,
        events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
      },
    });
    const made = resources
      .ofType("aws:cloudwatch/metricAlarm:MetricAlarm")
      .map((alarm) => alarm.inputs["name"]);
    const { alarms } = inputs["alarmConfiguration"] as { alarms: string[] };
    expect(alarms).to.have.length.above(1);
    expect(alarms).to.have.members(made);
    expect(await valueOf(releases["alert"]!)).to.deep.include({
      functionName: "millwright-production-shared-alert",
      alias: "live",
      deploymentGroup: "millwright-production-shared-alert",
    });
    expect(resources.orphans()).to.deep.equal([]);
  });

  for (const shiftsGradually of [true, false])
    it(
      shiftsGradually ? "leaves the alias to the deployment" : "moves the alias at once where it is told so",
      async () => {
        make(shiftsGradually);
        const { options } = (await created.settled()).get("aws:lambda/alias:Alias", "alert-live");
        const left = shiftsGradually ? ["functionVersion", "routingConfig"] : [];
        expect(options?.ignoreChanges).to.deep.equal(left);
      },
    );
});
