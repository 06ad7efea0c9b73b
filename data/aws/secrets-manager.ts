import { z } from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { signRequest, type AwsCredentials } from "./sign-request.ts";

export interface SecretsManagerSettings {
  readonly region: string;
  /** Of a service that speaks AWS's language; undefined: AWS itself. */
  readonly endpoint: string | undefined;
  readonly credentials: AwsCredentials;
}

const TIMEOUT_MS = 5_000;
const answered = z.object({ SecretString: z.string() });
const refused = z.object({ __type: z.string() });

/**
 * Reads the current version of a secret that is JSON.
 * @param id - ARN or name
 * @throws MillwrightError `setting-invalid` when it is not there, not ours to read, or no JSON; `database-unavailable`
 *   (retryable) when Secrets Manager does not answer. None repeats any of the secret.
 */
export async function readAwsSecret(
  { region, endpoint, credentials }: SecretsManagerSettings,
  id: string,
): Promise<unknown> {
  const url = new URL(endpoint ?? `https://secretsmanager.${region}.amazonaws.com`);
  const body = JSON.stringify({ SecretId: id });
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "secretsmanager.GetSecretValue",
  };
  const request = { service: "secretsmanager", region, host: url.host, headers, body };
  const response = await fetch(url, {
    method: "POST",
    headers: signRequest(request, credentials, Date.now()),
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw unanswered(id, "no answer", cause);
  });
  const text = await response.text();
  if (response.status >= 500 || response.status === 429) throw unanswered(id, `status ${response.status}`);
  if (!response.ok) {
    const reason = refused.safeParse(parsed(text)).data?.__type.replace(/^.*#/, "") ?? "without a reason";
    throw new MillwrightError("setting-invalid", `The secret ${id} cannot be read: ${reason}.`);
  }
  const secret = parsed(answered.safeParse(parsed(text)).data?.SecretString ?? "");
  if (secret === undefined) throw new MillwrightError("setting-invalid", `The secret ${id} is not JSON.`);
  return secret;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the parser's message would hold a part of the secret
  }
}

function unanswered(id: string, reason: string, cause?: unknown): MillwrightError {
  const message = `Secrets Manager was asked for ${id}: ${reason}.`;
  return new MillwrightError("database-unavailable", message, { retryable: true, cause });
}
