import { randomUUID } from "node:crypto";
import { MillwrightError } from "../../model/errors.ts";
import type { SecretStore } from "../secret-store.ts";
import type { AwsAccount } from "./ask-aws.ts";
import { askSecretsManager, secretOf } from "./secrets-manager.ts";

/** Shorter: what was removed by mistake is gone. Until then a `put` under the same name brings the secret back. */
const RECOVERY_DAYS = 7;

/** Where a deployment keeps its secrets: `PREFIX/NAME`, encrypted by `kmsKeyArn` (undefined: by AWS's own key). */
export interface AwsSecretStoreSettings extends AwsAccount {
  readonly prefix: string;
  readonly kmsKeyArn: string | undefined;
}

/**
 * Secrets Manager as a {@link SecretStore}.
 * @throws MillwrightError each: `setting-invalid` where it refuses, `database-unavailable` (retryable) without an answer
 */
export function awsSecretStore(settings: AwsSecretStoreSettings): SecretStore {
  const { prefix, kmsKeyArn } = settings;
  const key = kmsKeyArn === undefined ? {} : { KmsKeyId: kmsKeyArn };
  const idOf = (name: string) => `${prefix}/${name}`;
  /** @returns the refusal that the caller knows how to go on from; undefined: done */
  const ask = async (action: string, input: Readonly<Record<string, unknown>>, known: readonly string[]) => {
    const { refusal } = await askSecretsManager(settings, action, input);
    if (refusal === undefined || known.includes(refusal)) return refusal;
    const id = String(input["SecretId"] ?? input["Name"]);
    throw new MillwrightError("setting-invalid", `${action} of the secret ${id} was refused: ${refusal}.`);
  };
  // The token makes a request that is sent again the same one.
  const create = (name: string, secret: object) =>
    ask(
      "CreateSecret",
      { Name: idOf(name), SecretString: JSON.stringify(secret), ClientRequestToken: randomUUID(), ...key },
      [EXISTS, IS_DELETED],
    );
  /** Also of a secret that was removed: its recovery is what frees the name. */
  const overwrite = async (name: string, secret: object) => {
    const id = { SecretId: idOf(name) };
    await ask("RestoreSecret", id, [IS_DELETED]);
    const value = { SecretString: JSON.stringify(secret), ClientRequestToken: randomUUID() };
    await ask("PutSecretValue", { ...id, ...value }, []);
  };

  const get = async (name: string) => {
    const id = idOf(name);
    const found = await askSecretsManager(settings, "GetSecretValue", { SecretId: id });
    if (found.refusal === undefined) return secretOf(id, found.answer);
    if (found.refusal === IS_MISSING || found.refusal === IS_DELETED) return undefined;
    throw new MillwrightError("setting-invalid", `The secret ${id} cannot be read: ${found.refusal}.`);
  };
  return {
    get,
    async put(name, secret) {
      if ((await create(name, secret)) !== undefined) await overwrite(name, secret);
    },
    async add(name, secret) {
      if ((await create(name, secret)) !== undefined && (await get(name)) === undefined)
        await overwrite(name, secret);
    },
    async remove(name) {
      const input = { SecretId: idOf(name), RecoveryWindowInDays: RECOVERY_DAYS };
      await ask("DeleteSecret", input, [IS_MISSING, IS_DELETED]);
    },
  };
}

const EXISTS = "ResourceExistsException";
const IS_MISSING = "ResourceNotFoundException";
/** Of a secret whose recovery window runs, where that stands in the way; of one that needs no recovery. */
const IS_DELETED = "InvalidRequestException";
