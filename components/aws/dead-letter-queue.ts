import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface DeadLetterQueueArgs {
  readonly scope: AwsScope;
  /** Whose letters they are. */
  readonly part: string;
  readonly keyArn: pulumi.Input<string>;
}

const TWO_WEEKS_S = 14 * 24 * 3_600; // the longest that SQS keeps a message

/** A queue for what could not be delivered: encrypted, and kept for as long as SQS keeps anything. */
export function deadLetterQueue(
  name: string,
  { scope, part, keyArn }: DeadLetterQueueArgs,
  opts: pulumi.CustomResourceOptions,
): { readonly name: string; readonly arn: pulumi.Output<string>; readonly url: pulumi.Output<string> } {
  const queueName = awsName("queue", scope, `${part}-dead-letters`);
  const { arn, url } = new aws.sqs.Queue(
    `${name}-dead-letters`,
    { name: queueName, kmsMasterKeyId: keyArn, messageRetentionSeconds: TWO_WEEKS_S },
    opts,
  );
  return { name: queueName, arn, url };
}
