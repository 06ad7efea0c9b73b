import path from "node:path";
import type { AwsPlatformSettings } from "../model/aws/platform-settings.ts";
import { sdkCredentials } from "./aws/sdk-credentials.ts";
import { awsSecretStore } from "./aws/secret-store.ts";
import type { AwsAccount } from "./aws/ask-aws.ts";
import { folderSecretStore, type SecretStore } from "./secret-store.ts";

/** How a control plane on AWS reaches its account. */
export interface AwsAccess extends AwsPlatformSettings {
  /** Of a service that speaks AWS's language; undefined: AWS itself. */
  readonly endpoint: string | undefined;
}

/** The deployment's secrets: in a folder of its home, or in Secrets Manager. */
export async function openSecretStore(home: string, aws: AwsAccess | undefined): Promise<SecretStore> {
  if (aws === undefined) return folderSecretStore(path.join(home, "secrets"));
  const { prefix, kmsKeyArn } = aws.secrets;
  return awsSecretStore({ ...(await awsAccount(aws)), prefix, kmsKeyArn });
}

/** The account and region that this process works in. */
export async function awsAccount({ region, endpoint }: AwsAccess): Promise<AwsAccount> {
  return { region, endpoint, credentials: await sdkCredentials(region) };
}
