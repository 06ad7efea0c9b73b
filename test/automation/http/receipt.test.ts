import { expect } from "chai";
import { receiptPage } from "../../../automation/http/receipt-page.ts";
import { signReceipt, verifyReceipt } from "../../../automation/moves/receipt-signature.ts";
import type { Operation } from "../../../model/operation.ts";
import { TestApi } from "../../support/api.ts";
import { testCleanUpReceipt, testMoveReceipt, testReceiptKey } from "../../support/receipt.ts";

describe("the receipt of a move over HTTP", () => {
  let api: TestApi;
  let operation: Operation;
  let address: string;
  const signed = signReceipt(testMoveReceipt, testReceiptKey);
  before(async () => {
    api = await TestApi.start();
    const acme = await api.tenant("acme");
    await api.tenant("globex");
    const { body } = await api.call("DELETE", "/v1/tenants/acme", { confirm: "acme" });
    operation = { ...api.operations.started[0]!, tenant: acme, result: { receipt: signed } };
    api.operations.started[0] = operation;
    address = `/v1/operations/${(body.operation as Operation).id}/receipt`;
  });
  after(() => api.close());

  it("is JSON that can be verified as it comes, with the key that the service tells", async () => {
    const { status, text } = await api.call("GET", address);
    const { key } = (await api.call("GET", "/v1/receipts/key")).body;
    expect(key).to.deep.include({ algorithm: "Ed25519", publicKey: testReceiptKey.publicKey });
    expect([status, verifyReceipt(text, key).kind]).to.deep.equal([200, "valid"]);
  });

  it("is a page for who asks for one, which runs no script and loads nothing", async () => {
    const byAccept = await api.call("GET", address, undefined, {
      headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
    });
    const { status, headers, text } = await api.call("GET", `${address}?format=html`);
    expect([status, byAccept.text === text]).to.deep.equal([200, true]);
    expect(headers.get("content-type")).to.match(/^text\/html/);
    expect(headers.get("content-security-policy")).to.match(
      /^default-src 'none'; style-src 'sha256-[\w+/]+=*';/,
    );
    expect(text).not.to.match(/<script|javascript:|\son\w+=|style="|src=/);
    expect([...text.matchAll(/(?:href|url)[=(]"?([^")]*)/g)].map(([, target]) => target)).to.deep.equal([
      "data:,",
    ]);
    for (const shown of [
      "acme moved from shared-1 to dedicated-acme",
      "501,234 rows in 3 ranges",
      "184 ms",
      "$500.00",
    ])
      expect(text).to.contain(shown);
  });

  it("shows words of people as words", () => {
    const decidedBy = { ...testMoveReceipt.decidedBy, reason: `"><script>alert(1)</script>&amp;` };
    const page = receiptPage(signReceipt({ ...testMoveReceipt, decidedBy }, testReceiptKey));
    expect(page).not.to.contain("<script");
    expect(page).to.contain("&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;amp;");
  });

  it("says what is gone after a clean-up", () => {
    expect(receiptPage(signReceipt(testCleanUpReceipt, testReceiptKey)))
      .to.contain("1,440")
      .and.contain("2026-11-23 00:00:00 UTC");
  });

  it("is told to be missing where an operation has left none", async () => {
    api.operations.started.push({ ...operation, id: "0199a8b0-0000-7000-8000-00000000000f", result: null });
    const { status, body } = await api.call(
      "GET",
      "/v1/operations/0199a8b0-0000-7000-8000-00000000000f/receipt",
    );
    expect([status, body.code]).to.deep.equal([404, "receipt-unknown"]);
  });

  it("is its tenant's, and a stranger learns nothing of it", async () => {
    const own = await api.call("GET", address, undefined, { token: await api.key("viewer", "acme") });
    const other = await api.call("GET", address, undefined, { token: await api.key("viewer", "globex") });
    expect([own.status, other.status, other.body.code]).to.deep.equal([200, 404, "operation-unknown"]);
  });
});
