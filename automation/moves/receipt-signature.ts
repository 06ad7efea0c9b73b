import { createHash, createPublicKey, sign, verify } from "node:crypto";
import { canonicalJson } from "../../model/canonical-json.ts";
import { signedReceipt, type Receipt, type SignedReceipt } from "../../model/receipt.ts";
import { parsePublicKey, type ReceiptKey, type ReceiptPublicKey } from "./receipt-key.ts";

export function signReceipt(
  receipt: Receipt,
  { privateKey, publicKey, fingerprint }: ReceiptKey,
): SignedReceipt {
  const value = sign(null, bytesOf(receipt), privateKey).toString("base64");
  return {
    receipt,
    signature: { algorithm: "Ed25519", keyFingerprint: fingerprint, publicKey, value },
  };
}

/** Names a receipt: what part two says of part one. */
export function receiptSha256(receipt: Receipt): string {
  return createHash("sha256").update(bytesOf(receipt)).digest("hex");
}

export type ReceiptVerdict =
  /** Signed with the trusted key. */
  | { readonly kind: "valid"; readonly document: SignedReceipt }
  /** The signature is sound, but nobody said whose key to trust: anybody may have made it. */
  | { readonly kind: "key-unknown"; readonly document: SignedReceipt }
  /** The signature is sound, and of another key than the trusted one. */
  | { readonly kind: "key-differs"; readonly document: SignedReceipt }
  | { readonly kind: "signature-wrong" }
  | { readonly kind: "malformed"; readonly message: string };

/**
 * Whether a receipt is as it was issued.
 * @param text - JSON as it was served, or indented by two; a byte that differs from these is refused, a space too
 */
export function verifyReceipt(text: string, trusted?: ReceiptPublicKey): ReceiptVerdict {
  const parsed = parse(text);
  if (typeof parsed === "string") return { kind: "malformed", message: parsed };
  const { receipt, signature } = parsed;
  const key = parsePublicKey(signature.publicKey);
  const value = Buffer.from(signature.value, "base64");
  if (key?.publicKey !== signature.publicKey || key.fingerprint !== signature.keyFingerprint)
    return { kind: "malformed", message: "the key is none, or not the one of the fingerprint" };
  // Written otherwise, base64 would leave bits that nobody signed.
  if (
    value.toString("base64") !== signature.value ||
    !verify(null, bytesOf(receipt), createPublicKey(key.publicKey), value)
  )
    return { kind: "signature-wrong" };
  if (trusted === undefined) return { kind: "key-unknown", document: parsed };
  return { kind: trusted.fingerprint === key.fingerprint ? "valid" : "key-differs", document: parsed };
}

/** @returns what is wrong, as text */
function parse(text: string): SignedReceipt | string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "it is not JSON";
  }
  // A name that is there twice reads as its first value in some programs and as its last in others.
  const written = [JSON.stringify(document), JSON.stringify(document, null, 2)];
  if (!written.includes(text.replace(/\n$/, "")))
    return "it is written in another way; in one line, or indented by two as jq does, it can be verified";
  const parsed = signedReceipt.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `at ${issue?.path.join(".") || "the top"}: ${issue?.message ?? "unknown"}`;
}

function bytesOf(receipt: Receipt): Buffer {
  return Buffer.from(canonicalJson(receipt));
}
