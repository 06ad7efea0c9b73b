import { expect } from "chai";
import type { BucketState } from "../../automation/engine/layout.ts";

const REGION = "eu-central-1";

/**
 * Gives this process variables, for an engine in it that asks the bucket itself: its credentials are found as the SDK
 * finds them. @returns what puts back what was there
 */
export function lendEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
  };
}

/** A bucket and a key of moto for the state of stacks, and what a process needs to reach them. */
export async function stateBucket(motoUrl: string) {
  const authorization = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=testing/20261121/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const made = await fetch(`${motoUrl}/state`, {
    method: "PUT",
    headers: { authorization: authorization("s3") },
    body: `<CreateBucketConfiguration><LocationConstraint>${REGION}</LocationConstraint></CreateBucketConfiguration>`,
  });
  expect(made.status, await made.text()).to.equal(200);
  const ask = async (action: string, body: object) => {
    const headers = {
      ...{ authorization: authorization("kms"), "content-type": "application/x-amz-json-1.1" },
      "x-amz-target": `TrentService.${action}`,
    };
    const answer = await fetch(motoUrl, { method: "POST", headers, body: JSON.stringify(body) });
    expect(answer.status, action).to.equal(200);
    return answer.text();
  };
  const { KeyMetadata } = JSON.parse(await ask("CreateKey", {})) as { KeyMetadata: { KeyId: string } };
  await ask("CreateAlias", { AliasName: "alias/state", TargetKeyId: KeyMetadata.KeyId });

  const endpoint = `endpoint=${encodeURIComponent(motoUrl)}`;
  const bucket: BucketState = {
    url: `s3://state?region=${REGION}&${endpoint}&s3ForcePathStyle=true`,
    secretsProvider: `awskms:///alias/state?region=${REGION}&${endpoint}`,
  };
  const credentials = {
    AWS_ACCESS_KEY_ID: "testing",
    AWS_SECRET_ACCESS_KEY: "testing",
    AWS_REGION: REGION,
  };
  return {
    bucket,
    environment: { ...credentials, AWS_ENDPOINT_URL: motoUrl },
    /** What lies there. @param object - `/KEY`, or a query */
    read: async (object: string) => {
      const answer = await fetch(`${motoUrl}/state${object}`, {
        headers: { authorization: authorization("s3") },
      });
      return answer.text();
    },
    /** @param object - `/KEY` */
    write: async (object: string, text: string) => {
      const answer = await fetch(`${motoUrl}/state${object}`, {
        method: "PUT",
        headers: { authorization: authorization("s3") },
        body: text,
      });
      expect(answer.status).to.equal(200);
    },
  };
}
