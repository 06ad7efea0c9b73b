import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { parsePublicKey, receiptKey, type ReceiptKey } from "../../../automation/moves/receipt-key.ts";
import { signReceipt, verifyReceipt } from "../../../automation/moves/receipt-signature.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { canonicalJson } from "../../../model/canonical-json.ts";
import { testCleanUpReceipt, testMoveReceipt } from "../../support/receipt.ts";

describe("a signed receipt", () => {
  let folder: string;
  let key: ReceiptKey;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-receipt-"));
    key = await receiptKey(folderSecretStore(path.join(folder, "secrets")));
  });
  after(() => rm(folder, { recursive: true }));

  const receipt = testMoveReceipt;
  const small = testCleanUpReceipt;
  const otherKey = () => receiptKey(folderSecretStore(path.join(folder, "other")));

  it("is valid by the deployment's key, whatever order its names come in", () => {
    const signed = signReceipt(receipt, key);
    const reordered: unknown = JSON.parse(canonicalJson(signed));
    for (const text of [
      JSON.stringify(signed),
      JSON.stringify(reordered, null, 2),
      `${JSON.stringify(signed)}\n`,
    ])
      expect(verifyReceipt(text, key)).to.deep.equal({ kind: "valid", document: signed });
  });

  it("says whose it is when nobody said whom to trust, or another", async () => {
    const text = JSON.stringify(signReceipt(receipt, key));
    expect(verifyReceipt(text).kind).to.equal("key-unknown");
    expect(verifyReceipt(text, await otherKey()).kind).to.equal("key-differs");
  });

  it("is refused with any byte of it changed, wherever and to whatever", function () {
    this.timeout(60_000);
    const bytes = Buffer.from(JSON.stringify(signReceipt(small, key)));
    for (let at = 0; at < bytes.length; at++) {
      const was = bytes[at]!;
      for (const byte of [was ^ 1, was ^ 0x20, 0x20, 0x30, 0x22, 0xff].filter((other) => other !== was)) {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const { kind } = verifyReceipt(changed.toString(), key);
        expect(kind, `byte ${at} as ${byte}`).to.be.oneOf(["malformed", "signature-wrong"]);
      }
    }
  });

  it("is refused when it is signed anew by somebody else under the deployment's name", async () => {
    const stranger = await otherKey();
    const forged = signReceipt({ ...receipt, tenant: "globex" }, stranger);
    const named = { ...forged, signature: { ...forged.signature, keyFingerprint: key.fingerprint } };
    expect(verifyReceipt(JSON.stringify(named), key).kind).to.equal("malformed");
    const { publicKey, fingerprint: keyFingerprint } = key;
    const posing = { ...forged, signature: { ...forged.signature, keyFingerprint, publicKey } };
    expect(verifyReceipt(JSON.stringify(posing), key).kind).to.equal("signature-wrong");
  });

  it("is refused when a name is there twice, for another program might read the other one", () => {
    const text = JSON.stringify(signReceipt(receipt, key));
    const twice = text.replace('{"receipt":', `{"receipt":{"tenant":"globex"},"receipt":`);
    expect(JSON.parse(twice)).to.deep.equal(JSON.parse(text));
    expect(verifyReceipt(twice, key).kind).to.equal("malformed");
  });

  it("never throws, whatever is given", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((any) => `{"receipt":${any},"signature":${any}}`),
        ),
        (text) => {
          expect(verifyReceipt(text, key).kind).to.equal("malformed");
        },
      ),
    );
    const signed = signReceipt(receipt, key);
    for (const publicKey of [
      "",
      "-----BEGIN PUBLIC KEY-----",
      generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "pem" }),
    ])
      expect(
        verifyReceipt(JSON.stringify({ ...signed, signature: { ...signed.signature, publicKey } })).kind,
      ).to.equal("malformed");
  });

  it("can be verified without this program", async () => {
    const signed = signReceipt(receipt, key);
    const file = (name: string) => path.join(folder, name);
    await writeFile(file("key.pem"), key.publicKey);
    await writeFile(file("value"), Buffer.from(signed.signature.value, "base64"));
    await writeFile(file("body"), canonicalJson(signed.receipt));
    const args = ["pkeyutl", "-verify", "-pubin", "-inkey", file("key.pem"), "-rawin", "-in", file("body")];
    const { stdout } = await promisify(execFile)("openssl", [...args, "-sigfile", file("value")]);
    expect(stdout).to.match(/Verified Successfully/);
  });
});

describe("the deployment's key", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-receipt-key-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("is one, however many ask for it first, and nobody else can read it", async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => receiptKey(folderSecretStore(folder))));
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).to.equal(1);
    expect(await readdir(folder)).to.deep.equal(["receipt-key.json"]); // no draft is left
    expect((await stat(path.join(folder, "receipt-key.json"))).mode & 0o777).to.equal(0o600);
  });

  it("is read as PEM, and nothing but an Ed25519 public key is taken for one", async () => {
    const { publicKey, fingerprint, privateKey } = await receiptKey(folderSecretStore(folder));
    expect(parsePublicKey(publicKey)).to.deep.equal({ publicKey, fingerprint });
    const others = [
      privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      generateKeyPairSync("ec", { namedCurve: "P-256" })
        .publicKey.export({ type: "spki", format: "pem" })
        .toString(),
      publicKey.replace("MC", "MA"),
      "",
    ];
    for (const other of others) expect(parsePublicKey(other)).to.equal(undefined);
  });
});
