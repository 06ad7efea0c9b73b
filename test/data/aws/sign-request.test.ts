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

  it("has the signature that botocore gives for a path and a query with escapes", () => {
    const { authorization } = signRequest(
      {
        ...{ service: "iot", region: "eu-central-1", host: "iot.eu-central-1.amazonaws.com" },
        ...{ method: "PUT", path: "/things/acme%3Am-001/principals", query: { b: "2", a: "x=y" } },
        ...{ headers: { "x-amzn-principal": "arn:aws:iot:eu-central-1:1:cert/ab" }, body: "" },
      },
      { ...credentials, sessionToken: undefined },
      Date.UTC(2026, 10, 22, 2, 0, 0),
    );
    expect(authorization).to.match(
      /Signature=865d468723a4136d4922bd9ebd8dfa62f378b15e929507c61b2ffc025b2a695c$/,
    );
  });

  it("has the signature that botocore gives for an object of S3", () => {
    const { authorization } = signRequest(
      {
        ...{ service: "s3", region: "eu-central-1", host: "state.s3.eu-central-1.amazonaws.com" },
        ...{ method: "PUT", path: "/.pulumi/millwright/tenant-a.json" },
        ...{ headers: { "if-none-match": "*" }, body: '{"a":1}' },
      },
      { ...credentials, sessionToken: undefined },
      Date.UTC(2026, 10, 22, 2, 0, 0),
    );
    expect(authorization).to.match(
      /Signature=8d8119ec55494b74b81c9359d80567c16cd4d7cc94d8872427e24f8222a25947$/,
    );
  });
});
