import type { CredentialSource } from "./ask-aws.ts";

/**
 * The credentials that the AWS SDK finds for this process (variables, profile, task, instance), renewed in time. Any of
 * its clients carries the chain.
 */
export async function sdkCredentials(region: string): Promise<CredentialSource> {
  const { SNSClient } = await import("@aws-sdk/client-sns"); // late: only what runs on AWS pays for it
  const { credentials } = new SNSClient({ region }).config;
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
    return { accessKeyId, secretAccessKey, sessionToken };
  };
}
