import { expect } from "chai";
import { signRequest } from "../../../data/aws/sign-request.ts";

describe("a request signed for AWS", () => {
  const credentials = {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };

  it("has the signature of AWS's own test suite (post-vanilla)", () => {
    const place = { service: "service", region: "us-east-1", host: "example.amazonaws.com" };
    const nowMs = Date.UTC(2015, 7, 30, 12, 36, 0);
    const { authorization } = signRequest(
      { ...place, headers: {}, body: "" },
      { ...credentials, sessionToken: undefined },
      nowMs,
    );
    expect(authorization).to.match(
      /Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b$/,
    );
  });

  it("has the signature that the SDK's signer gives for a body, headers and a session", () => {
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "secretsmanager.GetSecretValue",
    };
    const place = {
      ...{ service: "secretsmanager", region: "eu-central-1" },
      host: "secretsmanager.eu-central-1.amazonaws.com",
    };
    const { authorization } = signRequest(
      { ...place, headers, body: '{"SecretId":"x"}' },
      { ...credentials, sessionToken: "tok" },
      Date.UTC(2026, 10, 22, 2, 0, 0),
    );
    expect(authorization).to.match(
      /SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,/,
    );
    expect(authorization).to.match(
      /Signature=e60b8afdae7a97046d6e4fe7bbe2f58a9e9085873a2c7457f52ed8150afd3f1f$/,
    );
  });
});
