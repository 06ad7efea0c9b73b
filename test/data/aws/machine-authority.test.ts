import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { MachineAuthority } from "../../../data/aws/machine-authority.ts";
import type { MillwrightError } from "../../../model/errors.ts";

// moto refuses nothing of this; the answers are those of the API's reference.
describe("what IoT Core refuses", () => {
  const fine = { status: 200, type: "", body: "{}" };
  let refusal = fine;
  let refused = /./;
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const { status, type, body } = refused.test(`${request.method} ${request.url}`) ? refusal : fine;
      response.writeHead(status, { "x-amzn-errortype": type }).end(body);
    });
  });
  let authority: MachineAuthority;

  before(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    authority = new MachineAuthority({
      ...{ region: "eu-central-1", endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      credentials: () =>
        Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
    });
  });
  after(() => server.close());

  for (const { status, type, code, retryable } of [
    {
      status: 400,
      type: "InvalidRequestException:http://internal",
      code: "certificate-refused",
      retryable: false,
    },
    { status: 400, type: "ThrottlingException", code: "entrance-unavailable", retryable: true },
    { status: 503, type: "ServiceUnavailableException", code: "entrance-unavailable", retryable: true },
    { status: 403, type: "AccessDeniedException", code: "setting-invalid", retryable: false },
  ])
    it(`${type} is ${code}`, async () => {
      refusal = { status, type, body: JSON.stringify({ message: "The CSR is not valid" }) };
      const error = (await authority.sign("request").catch((reason: unknown) => reason)) as MillwrightError;
      expect(error).to.include({ code, retryable });
      if (code === "certificate-refused") expect(error.message).to.include("The CSR is not valid");
    });

  it("a certificate that is let in meanwhile is not said to be revoked", async () => {
    refusal = { status: 406, type: "CertificateStateException", body: "{}" };
    refused = /^DELETE .certificates/;
    const revoking = authority.revoke({ name: "thing" }, { id: "a".repeat(64), arn: "arn" });
    const error = await revoking.catch((reason: unknown) => reason);
    expect(error).to.include({ code: "entrance-unavailable", retryable: true });
  });
});
