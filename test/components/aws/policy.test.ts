import { expect } from "chai";
import { policyOf } from "../../../components/aws/policy.ts";
import { promiseOf } from "../../support/outputs.ts";

describe("a policy", () => {
  const allowing = (length: number) => [
    { Action: "s3:GetObject", Resource: `arn:aws:s3:::${"b".repeat(length)}` },
  ];
  const textOf = (...args: Parameters<typeof policyOf>) => promiseOf(policyOf(...args));

  it("allows what it says, where it does not say otherwise", async () => {
    const policy = JSON.parse(await textOf(allowing(3))) as { Statement: unknown };
    expect(policy.Statement).to.deep.equal([
      { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::bbb" },
    ]);
  });

  for (const [kind, limit] of [
    ["inline", 10_240],
    ["managed", 6_144],
    ["iot", 2_048],
  ] as const)
    it(`is refused when it is longer than AWS takes one that is ${kind}`, async () => {
      const room = limit - (await textOf(allowing(0), kind)).length;
      expect(await textOf(allowing(room), kind)).to.have.length(limit);
      const refusal: unknown = await textOf(allowing(room + 1), kind).catch((reason: unknown) => reason);
      expect(String(refusal)).to.match(new RegExp(`${limit + 1} characters; ${kind}, AWS takes ${limit}`));
    });
});
