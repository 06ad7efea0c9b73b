import path from "node:path";
import type { AwsPlatformSettings } from "../model/aws/platform-settings.ts";
import { sdkCredentials } from "./aws/sdk-credentials.ts";
import { awsSecretStore } from "./aws/secret-store.ts";
import type { SecretsManagerSettings } from "./aws/secrets-manager.ts";
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
  return awsSecretStore({ ...(await secretsManagerOf(aws)), prefix, kmsKeyArn });
}

export async function secretsManagerOf({ region, endpoint }: AwsAccess): Promise<SecretsManagerSettings> {
  return { region, endpoint, credentials: await sdkCredentials(region) };
}
