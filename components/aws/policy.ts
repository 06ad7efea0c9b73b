import * as pulumi from "@pulumi/pulumi";

/** One permission of a role, or of a resource's own policy. */
export interface Statement {
  readonly Effect?: "Allow" | "Deny";
  readonly Principal?: pulumi.Input<Readonly<Record<string, pulumi.Input<string | string[]>>>>;
  readonly Action: string | readonly string[];
  readonly Resource: pulumi.Input<string> | readonly pulumi.Input<string>[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, pulumi.Input<string>>>>>;
}

/** Statements as the JSON that AWS takes. */
export function policyOf(statements: readonly Statement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
  });
}

/** The trust of a role in one service of AWS. */
export function assumedBy(service: string): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
}
