import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { dashboardBody, type ShownSubject } from "../../model/aws/dashboard-body.ts";
import type { AlarmSubject } from "./alarm-subject.ts";
import { awsName, type AwsScope } from "./names.ts";

export interface DashboardArgs {
  readonly scope: AwsScope;
  readonly region: pulumi.Input<string>;
  readonly subjects: readonly AlarmSubject[];
}

/** What has an alarm, as graphs: of the platform, or of one tenant. */
export class Dashboard extends pulumi.ComponentResource {
  readonly dashboardName: pulumi.Output<string>;

  constructor(
    name: string,
    { scope, region, subjects }: DashboardArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("millwright:aws:Dashboard", name, {}, opts);
    const shown = pulumi.output(subjects as pulumi.Input<pulumi.Input<ShownSubject>[]>);
    const dashboard = new aws.cloudwatch.Dashboard(
      name,
      {
        dashboardName: awsName("other", scope, "overview"),
        dashboardBody: pulumi.all([region, shown]).apply(([at, known]) => dashboardBody(at, known)),
      },
      { parent: this },
    );
    this.dashboardName = dashboard.dashboardName;
    this.registerOutputs({ dashboardName: this.dashboardName });
  }
}
