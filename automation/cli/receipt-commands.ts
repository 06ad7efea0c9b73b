import type { Command } from "commander";
import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { readSettings } from "../../environment.ts";
import { canonicalJson } from "../../model/canonical-json.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { Receipt, SignedReceipt } from "../../model/receipt.ts";
import { parsePublicKey, type ReceiptPublicKey } from "../moves/receipt-key.ts";
import { verifyReceipt, type ReceiptVerdict } from "../moves/receipt-signature.ts";
import { RECEIPT_KEY_FILE } from "../platform/home.ts";
import { receiptEnvelope } from "./answers.ts";
import { openResponse } from "./api-client.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { facts } from "./output.ts";

/** Far above the largest receipt; a file of another kind is not read into memory. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

interface ShowOptions {
  readonly out?: string;
  readonly page?: string;
}

export function addReceiptCommands(program: Command, context: CommandContext): void {
  const group = program.command("receipt").description("read and verify what moves leave as proof");

  group
    .command("show <operation>")
    .description("the receipt of a move, or of what was taken away after one")
    .option("--out <file>", "write it there, as it is verified")
    .option("--page <file>", "write it there as a page for a browser")
    .action(async (operation: string, { out, page }: ShowOptions, command: Command) => {
      const address = `/v1/operations/${segment(operation)}/receipt`;
      const receipt = await call(context, receiptEnvelope, address);
      // No line end: not even that can be changed unseen.
      if (out !== undefined) await writeFile(out, canonicalJson(receipt));
      if (page !== undefined) {
        const call = { query: { format: "html" }, signal: context.signal };
        const response = await openResponse(await context.connect(), address, call);
        await writeFile(page, await response.text());
      }
      show(context, command, receipt, () => summary(receipt as SignedReceipt));
    });

  group
    .command("verify <file>")
    .description(
      "whether a receipt is as it was signed; needs no service. Exit 0 valid, 1 not, 3 key unknown",
    )
    .option("--key <file>", "the deployment's public key in PEM (default: the one of this installation)")
    .action(async (file: string, { key }: { readonly key?: string }, command: Command) => {
      const trusted = key === undefined ? await keyOfInstallation() : await readKey(key);
      const verdict = verifyReceipt(await readText(file), trusted);
      show(context, command, forProgram(verdict), () => forPerson(verdict, trusted));
      if (verdict.kind === "key-unknown") context.failed(3);
      else if (verdict.kind !== "valid") context.failed();
    });
}

function summary({ receipt, signature }: SignedReceipt): string {
  const common = [
    ["receipt", receipt.operation],
    ["tenant", receipt.tenant],
  ] as const;
  const signed = ["key", signature.keyFingerprint] as const;
  if (receipt.kind === "clean-up")
    return facts([...common, ["gone from", receipt.cell], ["at", receipt.droppedAt], signed]);
  const { from, to, totals, ranges, pause, cost, decidedBy, times } = receipt;
  return facts([
    ...common,
    ["moved", `${from.cell} (${from.tier}) to ${to.cell} (${to.tier})`],
    ["at", times.flippedAt],
    ["asked by", decidedBy.reason === null ? decidedBy.actor : `${decidedBy.actor}: ${decidedBy.reason}`],
    ["copied and equal", `${totals.rowCount} rows in ${ranges.length} ranges`],
    ["pause", pause.seen === null ? undefined : `${Math.round(pause.seen.pauseMs)} ms, seen from outside`],
    ["cost, USD/month", `${cost.beforeUsdPerMonth} to ${cost.afterUsdPerMonth} (${cost.source})`],
    ["way back until", receipt.rollbackUntil],
    signed,
  ]);
}

function forProgram(verdict: ReceiptVerdict): object {
  if (!("document" in verdict)) return verdict;
  const { receipt, signature } = verdict.document;
  const { kind, operation, tenant } = receipt;
  return {
    kind: verdict.kind,
    keyFingerprint: signature.keyFingerprint,
    receipt: { kind, operation, tenant },
  };
}

function forPerson(verdict: ReceiptVerdict, trusted: ReceiptPublicKey | undefined): string {
  switch (verdict.kind) {
    case "valid":
      return `valid: ${whatIs(verdict.document.receipt)}, as this deployment has signed it`;
    case "key-unknown":
      return [
        `key unknown: ${whatIs(verdict.document.receipt)}. The signature is sound, but anybody could have made it.`,
        `Give the deployment's key with --key; its fingerprint must be ${verdict.document.signature.keyFingerprint}.`,
        "GET /v1/receipts/key tells the key.",
      ].join("\n");
    case "key-differs":
      return `wrong: signed with the key ${verdict.document.signature.keyFingerprint}, not with ${trusted?.fingerprint ?? "-"}`;
    case "signature-wrong":
      return "wrong: it is not what was signed; something was changed";
    case "malformed":
      return `wrong: it is no receipt, ${verdict.message}`;
  }
}

function whatIs({ kind, tenant, operation }: Receipt): string {
  return `the receipt of the ${kind} of ${tenant} (operation ${operation})`;
}

async function keyOfInstallation(): Promise<ReceiptPublicKey | undefined> {
  const file = path.join(readSettings().home, RECEIPT_KEY_FILE);
  try {
    await stat(file);
  } catch {
    return undefined;
  }
  return readKey(file);
}

/** @throws MillwrightError `request-invalid` */
async function readKey(file: string): Promise<ReceiptPublicKey> {
  const key = parsePublicKey(await readText(file));
  if (key !== undefined) return key;
  throw new MillwrightError("request-invalid", `${file} holds no Ed25519 public key in PEM.`);
}

/** @throws MillwrightError `request-invalid` */
async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new RangeError(`it has ${size} bytes`);
    return await readFile(file, "utf8");
  } catch (cause) {
    const message = `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`;
    throw new MillwrightError("request-invalid", message, { cause });
  }
}
