import * as pulumi from "@pulumi/pulumi";

/** One permission of a role, or of a resource's own policy. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect?: "Allow" | "Deny";
  readonly Principal?: pulumi.Input<Readonly<Record<string, pulumi.Input<string | string[]>>>>;
  readonly Action: string | readonly string[];
  readonly Resource: pulumi.Input<string> | readonly pulumi.Input<string>[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, pulumi.Input<string>>>>>;
}

/** Longest policies that AWS takes, in characters (quotas of IAM and of IoT Core, read 2026-11). */
const MAX_LENGTHS = {
  inline: 10_240, // of one role, in it
  managed: 6_144,
  iot: 2_048,
} as const;

/**
 * Statements as the JSON that AWS takes. One that is too long is refused as soon as its ARNs are known, which is after a
 * stack's first preview: test/components/aws/policy-lengths.test.ts looks beforehand.
 * @param kind - what the policy is part of
 */
export function policyOf(
  statements: readonly Statement[],
  kind: keyof typeof MAX_LENGTHS = "inline",
): pulumi.Output<string> {
  const policy = pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
  });
  return policy.apply((text) => {
    if (text.length <= MAX_LENGTHS[kind]) return text;
    const message = `A policy has ${text.length} characters; ${kind}, AWS takes ${MAX_LENGTHS[kind]}. Split it.`;
    throw new pulumi.RunError(message);
  });
}

/** The trust of a role in one service of AWS. */
export function assumedBy(service: string): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
}
