import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import * as z from "zod";
import type { SecretStore } from "../../data/secret-store.ts";

const NAME = "receipt-key";
const keptKey = z.strictObject({ privateKey: z.string() });

/** A public key as receipts carry it. */
export interface ReceiptPublicKey {
  /** PEM (SubjectPublicKeyInfo). */
  readonly publicKey: string;
  /** SHA-256 of the same in DER, hexadecimal. */
  readonly fingerprint: string;
}

/** The deployment's Ed25519 key. */
export interface ReceiptKey extends ReceiptPublicKey {
  readonly privateKey: KeyObject;
}

/**
 * The deployment's key, made once, whoever asks first. It lies in the secret store; lost, receipts that it signed can still
 * be verified with its public part.
 */
export async function receiptKey(secrets: Pick<SecretStore, "get" | "add">): Promise<ReceiptKey> {
  let kept = await secrets.get(NAME);
  if (kept === undefined) {
    const { privateKey } = generateKeyPairSync("ed25519");
    await secrets.add(NAME, { privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) });
    kept = await secrets.get(NAME); // perhaps another's, who was first
  }
  const privateKey = createPrivateKey(keptKey.parse(kept).privateKey);
  return { privateKey, ...publicKeyOf(createPublicKey(privateKey)) };
}

export function publicKeyOf(key: KeyObject): ReceiptPublicKey {
  const der = key.export({ type: "spki", format: "der" });
  return {
    publicKey: key.export({ type: "spki", format: "pem" }).toString(),
    fingerprint: createHash("sha256").update(der).digest("hex"),
  };
}

/** A public key of a person, in PEM. @returns undefined for anything that is no Ed25519 public key */
export function parsePublicKey(pem: string): ReceiptPublicKey | undefined {
  try {
    // A private key, too, has a public part: whoever gives one by mistake is told so.
    if (!pem.includes("BEGIN PUBLIC KEY")) return undefined;
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === "ed25519" ? publicKeyOf(key) : undefined;
  } catch {
    return undefined;
  }
}
