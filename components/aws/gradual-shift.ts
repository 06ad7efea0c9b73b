import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { alarmRulesOf } from "../../model/aws/alarm-rules.ts";
import { alarmName } from "./alarms.ts";
import { functionSubjects } from "./alarm-subject.ts";
import type { HandlerFunction } from "./handler-function.ts";
import { awsName, type AwsScope } from "./names.ts";
import { serviceRole } from "./service-role.ts";

export interface GradualShiftArgs {
  readonly scope: AwsScope;
  /** By name: `alert`, `ingest-shared-1`. */
  readonly functions: ReadonlyMap<string, HandlerFunction>;
}

/** How a new version of each function takes over: a tenth of its events each minute, all back when one of its alarms rings. */
export class GradualShift extends pulumi.ComponentResource {
  /** What `npm run shift` needs, by function. */
  readonly releases: Readonly<Record<string, pulumi.Output<object>>>;

  constructor(name: string, { scope, functions }: GradualShiftArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:GradualShift", name, {}, opts);
    const child = { parent: this };
    const application = new aws.codedeploy.Application(
      name,
      { name: awsName("codeDeploy", scope, "handlers"), computePlatform: "Lambda" },
      child,
    );
    // AWS's own policy: it may move aliases, and read alarms; the code itself is out of its reach.
    const managedArn = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited";
    const role = serviceRole(
      name,
      { scope, part: "shift", service: "codedeploy.amazonaws.com", policy: { managedArn } },
      child,
    );
    this.releases = Object.fromEntries(
      [...functions].map(([part, fn]) => {
        const group = new aws.codedeploy.DeploymentGroup(
          `${name}-${part}`,
          {
            appName: application.name,
            deploymentGroupName: awsName("codeDeploy", scope, part),
            serviceRoleArn: role.arn,
            deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
            deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
            alarmConfiguration: { enabled: true, alarms: alarmsOf(scope, part, fn) },
            autoRollbackConfiguration: {
              enabled: true,
              events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
            },
          },
          { parent: this, dependsOn: [role.policy] },
        );
        const { functionName, alias, version } = fn;
        const names = { application: application.name, deploymentGroup: group.deploymentGroupName };
        return [part, pulumi.output({ functionName, alias, version, ...names })];
      }),
    );
    this.registerOutputs({});
  }
}

function alarmsOf(scope: AwsScope, part: string, fn: HandlerFunction): string[] {
  return functionSubjects(part, fn).flatMap((subject) =>
    alarmRulesOf(subject.kind).map(([rule]) => alarmName(scope, subject, rule)),
  );
}
