import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsScope } from "./names.ts";
import { serviceRole } from "./service-role.ts";

/**
 * Lets API Gateway write access logs. The setting is one for a whole account and region, so it stays when the stack goes:
 * what else is there may write by it.
 */
export class ApiAccount extends pulumi.ComponentResource {
  constructor(name: string, { scope }: { readonly scope: AwsScope }, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ApiAccount", name, {}, opts);
    const kept = { parent: this, retainOnDelete: true };
    // AWS's own policy: API Gateway refuses a role that cannot write to every group, for it makes some itself.
    const managedArn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";
    const role = serviceRole(
      name,
      { scope, part: "api-logs", service: "apigateway.amazonaws.com", policy: { managedArn } },
      kept,
    );
    new aws.apigateway.Account(name, { cloudwatchRoleArn: role.arn }, { ...kept, dependsOn: [role.policy] });
    this.registerOutputs({});
  }
}
