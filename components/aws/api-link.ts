import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface ApiLinkArgs {
  readonly scope: AwsScope;
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
}

/** The way of API Gateway, which is in no network, into ours. APIs of tenants use the same one. */
export class ApiLink extends pulumi.ComponentResource {
  readonly vpcLinkId: pulumi.Output<string>;

  constructor(name: string, args: ApiLinkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ApiLink", name, {}, opts);
    const link = new aws.apigatewayv2.VpcLink(
      name,
      {
        name: awsName("apiLink", args.scope, name),
        subnetIds: args.subnetIds,
        securityGroupIds: [args.securityGroupId],
      },
      { parent: this },
    );
    this.vpcLinkId = link.id;
    this.registerOutputs({ vpcLinkId: this.vpcLinkId });
  }
}
