import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import * as z from "zod";
import type { SecretStore } from "./secret-store.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12; // the size that GCM is made for (NIST SP 800-38D §5.2.1.1)
const TAG_BYTES = 16;
const FORMAT = 1;

/** Keeps small secrets in a database that must not be able to tell them. */
export interface Sealer {
  /** @param context - what the secret belongs to; sealed for one row, it opens in no other */
  readonly seal: (plain: string, context: string) => Buffer;
  /** @throws Error when the key or the context is another, or a bit was changed */
  readonly open: (sealed: Buffer, context: string) => string;
}

/** AES-256-GCM: `format (1) · iv (12) · tag (16) · ciphertext`, a random iv each time. @param key - 32 bytes */
export function sealer(key: Buffer): Sealer {
  return {
    seal(plain, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), iv, cipher.getAuthTag(), sealed]);
    },
    open(sealed, context) {
      if (sealed[0] !== FORMAT) throw new RangeError("sealed in a format that this release does not know");
      const body = 1 + IV_BYTES + TAG_BYTES;
      const iv = sealed.subarray(1, 1 + IV_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(1 + IV_BYTES, body));
      return decipher.update(sealed.subarray(body), undefined, "utf8") + decipher.final("utf8");
    },
  };
}

const sealKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, "must be 32 bytes in base64");
const keptKey = z.object({ key: sealKey });
const NAME = "channel-key";

/** A key as its secret carries it, `{key}` in base64. @throws ZodError that holds no part of the key */
export function parseSealKey(secret: unknown): Buffer {
  return Buffer.from(keptKey.parse(secret).key, "base64");
}

/** The key of the channels' secrets, made once. A lost key means that every channel is to be made anew. */
export async function channelSealer(secrets: SecretStore): Promise<Sealer> {
  const kept = await secrets.get(NAME);
  if (kept !== undefined) return sealer(parseSealKey(kept));
  const key = randomBytes(KEY_BYTES);
  await secrets.put(NAME, { key: key.toString("base64") });
  return sealer(key);
}
