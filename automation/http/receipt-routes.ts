import * as z from "zod";
import { canonicalJson } from "../../model/canonical-json.ts";
import { MillwrightError } from "../../model/errors.ts";
import { sha256Hex, signedReceipt } from "../../model/receipt.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { operationParams } from "./operation-routes.ts";
import { RECEIPT_PAGE_POLICY, receiptPage } from "./receipt-page.ts";
import type { ApiServices } from "./services.ts";

const MEDIA_TYPES = ["application/json", "text/html"] as const;

const keyAnswer = z
  .strictObject({
    algorithm: z.literal("Ed25519"),
    publicKey: z.string().meta({ description: "PEM" }),
    fingerprint: sha256Hex.meta({ description: "SHA-256 of the key in DER" }),
  })
  .meta({ id: "ReceiptKey" });

export function receiptEndpoints({ operations, receiptKey }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/operations/:operationId/receipt",
      summary: "The receipt of a move, or of what was taken away after one",
      description:
        "Signed with the key of this deployment, over the canonical JSON of `receipt`. `format=html`, or `Accept: text/html`, answers " +
        "a page for a person.",
      permission: "operation:read",
      tenancy: "optional",
      params: operationParams,
      query: z.strictObject({ format: z.enum(["json", "html"]).optional() }),
      answers: {
        200: {
          description: "The receipt",
          content: { "application/json": signedReceipt, "text/html": z.string() },
        },
      },
      async handle({ caller, params: { operationId }, query: { format }, preferred, keep }) {
        const { result } = await operations.get(operationId, caller.tenant);
        const kept = signedReceipt.safeParse(result?.["receipt"]);
        if (!kept.success)
          throw new MillwrightError("receipt-unknown", `Operation ${operationId} has left no receipt.`);
        const isPage = format === undefined ? preferred(MEDIA_TYPES) === "text/html" : format === "html";
        const text = isPage ? receiptPage(kept.data) : canonicalJson(kept.data);
        keep(text.length);
        return isPage
          ? {
              status: 200,
              text,
              mediaType: "text/html",
              headers: { "Content-Security-Policy": RECEIPT_PAGE_POLICY },
            }
          : { status: 200, text, mediaType: "application/json" };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/receipts/key",
      summary: "The public key of this deployment's receipts",
      permission: "operation:read",
      tenancy: "none",
      answers: { 200: jsonAnswer("The key", z.strictObject({ key: keyAnswer })) },
      handle() {
        const { publicKey, fingerprint } = receiptKey;
        return Promise.resolve({
          status: 200,
          body: { key: { algorithm: "Ed25519", publicKey, fingerprint } },
        });
      },
    }),
  ];
}
