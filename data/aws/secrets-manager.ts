import { z } from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { signRequest, type AwsCredentials } from "./sign-request.ts";

/** Asked before each request: those of a task change every few hours. */
export type CredentialSource = () => Promise<AwsCredentials>;

export interface SecretsManagerSettings {
  readonly region: string;
  /** Of a service that speaks AWS's language; undefined: AWS itself. */
  readonly endpoint: string | undefined;
  readonly credentials: CredentialSource;
}

/** What Secrets Manager answers: `refusal` is the name of its exception. */
export type SecretsManagerAnswer =
  { readonly answer: unknown; readonly refusal?: undefined } | { readonly refusal: string };

const TIMEOUT_MS = 5_000;
const answered = z.object({ SecretString: z.string() });
const refused = z.object({ __type: z.string() });

/**
 * Reads the current version of a secret that is JSON.
 * @param id - ARN or name
 * @throws MillwrightError `setting-invalid` when it is not there, not ours to read, or no JSON; `database-unavailable`
 *   (retryable) when Secrets Manager does not answer. None repeats any of the secret.
 */
export async function readAwsSecret(settings: SecretsManagerSettings, id: string): Promise<unknown> {
  const found = await askSecretsManager(settings, "GetSecretValue", { SecretId: id });
  if (found.refusal !== undefined)
    throw new MillwrightError("setting-invalid", `The secret ${id} cannot be read: ${found.refusal}.`);
  return secretOf(id, found.answer);
}

/** @throws MillwrightError `setting-invalid` when the secret is no JSON */
export function secretOf(id: string, answer: unknown): unknown {
  const secret = parsed(answered.safeParse(answer).data?.SecretString ?? "");
  if (secret === undefined) throw new MillwrightError("setting-invalid", `The secret ${id} is not JSON.`);
  return secret;
}

/**
 * One call. Its body names one secret, as `SecretId` or `Name`.
 * @throws MillwrightError `database-unavailable` (retryable) when Secrets Manager does not answer
 */
export async function askSecretsManager(
  { region, endpoint, credentials }: SecretsManagerSettings,
  action: string,
  input: Readonly<Record<string, unknown>>,
): Promise<SecretsManagerAnswer> {
  const id = String(input["SecretId"] ?? input["Name"]);
  const url = new URL(endpoint ?? `https://secretsmanager.${region}.amazonaws.com`);
  const body = JSON.stringify(input);
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `secretsmanager.${action}`,
  };
  const request = { service: "secretsmanager", region, host: url.host, headers, body };
  const send = async () =>
    fetch(url, {
      method: "POST",
      headers: signRequest(request, await credentials(), Date.now()),
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  const response = await send().catch((cause: unknown) => {
    throw unanswered(id, "no answer", cause);
  });
  const text = await response.text();
  if (response.status >= 500 || response.status === 429) throw unanswered(id, `status ${response.status}`);
  if (response.ok) return { answer: parsed(text) };
  return { refusal: refused.safeParse(parsed(text)).data?.__type.replace(/^.*#/, "") ?? "without a reason" };
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
