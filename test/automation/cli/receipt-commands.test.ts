import type { ServerResponse } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { receiptKey } from "../../../automation/moves/receipt-key.ts";
import { signReceipt, verifyReceipt } from "../../../automation/moves/receipt-signature.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { canonicalJson } from "../../../model/canonical-json.ts";
import { testMoveReceipt, testReceiptKey } from "../../support/receipt.ts";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const NO_SERVICE = "http://127.0.0.1:1";

describe("millwright receipt", () => {
  const signed = signReceipt(testMoveReceipt, testReceiptKey);
  const homeBefore = process.env["MILLWRIGHT_HOME"];
  let folder: string;
  let server: RecordingServer;
  const file = (name: string) => path.join(folder, name);
  before(async () => {
    server = await recordingServer(({ target }) =>
      target.endsWith("?format=html")
        ? { raw: (response: ServerResponse) => response.end("<!doctype html>page") }
        : { json: signed },
    );
  });
  after(() => server.close());
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-receipt-cli-"));
    process.env["MILLWRIGHT_HOME"] = file("home");
    await writeFile(file("receipt.json"), canonicalJson(signed));
    await writeFile(file("key.pem"), testReceiptKey.publicKey);
  });
  afterEach(async () => {
    if (homeBefore === undefined) delete process.env["MILLWRIGHT_HOME"];
    else process.env["MILLWRIGHT_HOME"] = homeBefore;
    await rm(folder, { recursive: true });
  });

  const verify = (...args: readonly string[]) => runCli(NO_SERVICE, ["receipt", "verify", ...args]);

  it("shows one, and writes it as it is verified and as a page", async () => {
    const { operation } = testMoveReceipt;
    const args = ["receipt", "show", operation, "--out", file("out.json"), "--page", file("page.html")];
    const { out, exitCode } = await runCli(server.url, args);
    expect(server.calls[0]?.target).to.equal(`/v1/operations/${operation}/receipt`);
    expect(out)
      .to.match(/moved +shared-1 \(shared\) to dedicated-acme \(dedicated\)/)
      .and.match(/pause +184 ms/);
    expect(verifyReceipt(await readFile(file("out.json"), "utf8"), testReceiptKey).kind).to.equal("valid");
    expect(await readFile(file("page.html"), "utf8")).to.equal("<!doctype html>page");
    expect(exitCode).to.equal(0);
    const asJson = await runCli(server.url, ["--json", "receipt", "show", operation]);
    expect(verifyReceipt(asJson.out, testReceiptKey).kind).to.equal("valid");
  });

  it("verifies without a service, by a key that is given or by the installation's", async () => {
    const given = await verify(file("receipt.json"), "--key", file("key.pem"));
    expect([given.exitCode, given.out]).to.deep.equal([
      0,
      `valid: the receipt of the move of acme (operation ${testMoveReceipt.operation}), as this deployment has signed it`,
    ]);
    await mkdir(file("home"));
    await writeFile(file("home/receipt-key.pem"), testReceiptKey.publicKey);
    expect((await verify(file("receipt.json"))).exitCode).to.equal(0);
  });

  it("says that nobody knows whose the key is, and ends with 3", async () => {
    const { exitCode, out } = await verify(file("receipt.json"));
    expect(out).to.contain("key unknown").and.contain(testReceiptKey.fingerprint);
    expect(exitCode).to.equal(3);
  });

  it("refuses one that was changed, one of another deployment, and what is none", async () => {
    const text = await readFile(file("receipt.json"), "utf8");
    await writeFile(file("changed.json"), text.replace('"500000"', '"500001"'));
    await writeFile(file("cut.json"), text.slice(0, -1));
    const other = await receiptKey(folderSecretStore(file("secrets")));
    await writeFile(file("other.pem"), other.publicKey);
    const wrong = [
      [file("changed.json"), "--key", file("key.pem")],
      [file("changed.json")],
      [file("cut.json"), "--key", file("key.pem")],
      [file("receipt.json"), "--key", file("other.pem")],
    ];
    for (const args of wrong) {
      const { exitCode, out } = await verify(...args);
      expect([exitCode, out.slice(0, 6)], args.join(" ")).to.deep.equal([1, "wrong:"]);
    }
    const { out } = await runCli(NO_SERVICE, ["--json", "receipt", "verify", file("changed.json")]);
    expect(JSON.parse(out)).to.deep.equal({ kind: "signature-wrong" });
  });

  it("says which file it cannot use", async () => {
    for (const [args, message] of [
      [[file("none.json")], /none\.json cannot be read/],
      [[file("receipt.json"), "--key", file("receipt.json")], /holds no Ed25519 public key/],
    ] as const) {
      const { exitCode, err } = await verify(...args);
      expect(err).to.match(message);
      expect(exitCode).to.equal(1);
    }
  });
});
