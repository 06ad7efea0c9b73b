import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { askAws, parsed, type AwsAccount, type AwsAnswer } from "./ask-aws.ts";

const answered = z.object({ SecretString: z.string() });

/**
 * Reads the current version of a secret that is JSON.
 * @param id - ARN or name
 * @throws MillwrightError `setting-invalid` when it is not there, not ours to read, or no JSON; `database-unavailable`
 *   (retryable) when Secrets Manager does not answer. None repeats any of the secret.
 */
export async function readAwsSecret(settings: AwsAccount, id: string): Promise<unknown> {
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
export function askSecretsManager(
  settings: AwsAccount,
  action: string,
  input: Readonly<Record<string, unknown>>,
): Promise<AwsAnswer> {
  const id = String(input["SecretId"] ?? input["Name"]);
  return askAws(settings, {
    service: "secretsmanager",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `secretsmanager.${action}`,
    },
    body: JSON.stringify(input),
    unanswered: (reason, cause) => {
      const message = `Secrets Manager was asked for ${id}: ${reason}.`;
      return new MillwrightError("database-unavailable", message, { retryable: true, cause });
    },
  });
}
