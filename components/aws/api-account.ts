import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";
import { assumedBy } from "./policy.ts";

/**
 * Lets API Gateway write access logs. The setting is one for a whole account and region, so it stays when the stack goes:
 * what else is there may write by it.
 */
export class ApiAccount extends pulumi.ComponentResource {
  constructor(name: string, { scope }: { readonly scope: AwsScope }, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ApiAccount", name, {}, opts);
    const kept = { parent: this, retainOnDelete: true };
    const role = new aws.iam.Role(
      name,
      { name: awsName("role", scope, "api-logs"), assumeRolePolicy: assumedBy("apigateway.amazonaws.com") },
      kept,
    );
    const policy = new aws.iam.RolePolicyAttachment(
      name,
      {
        role: role.name,
        // AWS's own: API Gateway refuses a role that cannot write to every group, for it makes some itself.
        policyArn: "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
      },
      kept,
    );
    new aws.apigateway.Account(name, { cloudwatchRoleArn: role.arn }, { ...kept, dependsOn: [policy] });
    this.registerOutputs({});
  }
}
