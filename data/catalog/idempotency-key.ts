import { MillwrightError } from "../../model/errors.ts";
import type { Queryable } from "../pool.ts";

/** A key of a client, in the scope of its credential. */
export interface IdempotencyClaim {
  readonly scope: string;
  readonly key: string;
  /** SHA-256 of what was asked: the same key with something else is a mistake of the client. */
  readonly requestHash: Buffer;
  /** Id of the operation that this request would start. */
  readonly operation: string;
}

const LIFETIME = "24 hours";

/**
 * Binds the key to the operation, in the transaction that adds the operation; a concurrent claim waits for its end.
 * @returns the operation that the key is bound to: the given one, or that of an earlier, equal request
 * @throws MillwrightError `idempotency-key-reused`
 */
export async function claimIdempotencyKey(tx: Queryable, claim: IdempotencyClaim): Promise<string> {
  const { scope, key, requestHash, operation } = claim;
  const claimed = await tx.query(
    `insert into idempotency_key as k (scope, key, request_hash, operation) values ($1, $2, $3, $4)
     on conflict (scope, key) do update
        set request_hash = excluded.request_hash, operation = excluded.operation, created_at = excluded.created_at
      where k.created_at < now() - interval '${LIFETIME}'`,
    [scope, key, requestHash, operation],
  );
  if (claimed.rowCount === 1) return operation;
  const { rows } = await tx.query<{ request_hash: Buffer; operation: string }>(
    "select request_hash, operation from idempotency_key where scope = $1 and key = $2",
    [scope, key],
  );
  const earlier = rows[0];
  if (earlier === undefined || !earlier.request_hash.equals(requestHash)) {
    throw new MillwrightError(
      "idempotency-key-reused",
      "This Idempotency-Key came with another request before.",
    );
  }
  return earlier.operation;
}

/** Keys older than their lifetime bind nothing any more. */
export async function removeOldIdempotencyKeys(db: Queryable): Promise<void> {
  await db.query(`delete from idempotency_key where created_at < now() - interval '${LIFETIME}'`);
}
