import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";
import { assumedBy, policyOf, type Statement } from "./policy.ts";

export interface ServiceRoleArgs {
  readonly scope: AwsScope;
  readonly part: string;
  /** Who takes it on: `lambda.amazonaws.com`. */
  readonly service: string;
  /** What it may do: statements of our own in the role itself, or a policy of AWS's. */
  readonly policy:
    { readonly name: string; readonly statements: readonly Statement[] } | { readonly managedArn: string };
}

export interface ServiceRole {
  readonly arn: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
  /** To wait for: a service may check what a role can do as soon as it is given one. */
  readonly policy: pulumi.Resource;
}

/** A role that one service of AWS takes on. */
export function serviceRole(
  name: string,
  { scope, part, service, policy }: ServiceRoleArgs,
  opts: pulumi.CustomResourceOptions,
): ServiceRole {
  const role = new aws.iam.Role(
    name,
    { name: awsName("role", scope, part), assumeRolePolicy: assumedBy(service) },
    opts,
  );
  const attached =
    "managedArn" in policy
      ? new aws.iam.RolePolicyAttachment(name, { role: role.name, policyArn: policy.managedArn }, opts)
      : new aws.iam.RolePolicy(
          name,
          { name: policy.name, role: role.name, policy: policyOf(policy.statements) },
          opts,
        );
  return { arn: role.arn, name: role.name, policy: attached };
}
