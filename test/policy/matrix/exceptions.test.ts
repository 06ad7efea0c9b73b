import { expect } from "chai";
import { factsOf, gate, planned, TODAY } from "../../support/planned-stack.ts";

const VOLUME = "aws:ebs/volume:Volume";
const KEY = "aws:kms/key:Key"; // one dollar a month

describe("the gate, over variations of exceptions, which", () => {
  const owner = "ops@example.com";
  const reason = "a restore that needs room";
  const big = planned(VOLUME, { type: "gp3", size: 9_000 }, "big");
  const excepted = (until: string, policy = "volume-sizes", resource = "big") =>
    factsOf({ exceptions: [{ policy, resource, owner, reason, until }] });

  const tenantsExcepted = (until: string, policy = "volume-sizes") =>
    factsOf({ tenantExceptions: [{ tenants: "*", policy, resource: "big", owner, reason, until }] });

  for (const until of [TODAY, "2027-02-20"])
    it(`count until ${until}, and are told with their owner`, async () => {
      const { refused, advised } = await gate([excepted(until), big]);
      expect(refused).to.deep.equal([]);
      expect(advised).to.have.length(1);
      expect(advised[0]?.message).to.match(/^volume-sizes: 9000 GB/);
      expect(advised[0]?.message).to.include(`until ${until} by ${owner}: ${reason}`);
      expect(advised[0]?.urn).to.include("::big#");
    });

  it("count no more when they have ended, which the refusal says", async () => {
    const { refused, advised } = await gate([excepted("2026-11-21"), big]);
    expect(refused.map(({ policy }) => policy)).to.deep.equal(["volume-sizes"]);
    expect(refused[0]?.message).to.include(`The exception of ${owner} ended on 2026-11-21`);
    expect(advised).to.deep.equal([]);
  });

  for (const [what, facts, rules] of [
    ["longer than 90 days", excepted("2027-02-21"), ["policy-exceptions", "volume-sizes"]],
    [
      "from the environment's budget",
      excepted(TODAY, "environment-budget", "stack"),
      ["policy-exceptions", "volume-sizes"],
    ],
    ["from exposure", excepted(TODAY, "no-public-exposure"), ["policy-exceptions", "volume-sizes"]],
    ["from no rule of ours", excepted(TODAY, "volume-size"), ["policy-exceptions", "volume-sizes"]],
    ["of another resource", excepted(TODAY, "volume-sizes", "other"), ["volume-sizes"]],
    ["of a tenant's stack", tenantsExcepted(TODAY), ["volume-sizes"]],
    ["of a tenant's, and longer", tenantsExcepted("2027-02-21"), ["policy-exceptions", "volume-sizes"]],
    [
      "of a tenant's, from exposure",
      tenantsExcepted(TODAY, "no-public-exposure"),
      ["policy-exceptions", "volume-sizes"],
    ],
    ["of everything", excepted(TODAY, "volume-sizes", "*"), ["volume-sizes"]],
  ] as const)
    it(`do not count ${what}`, async () => {
      const { refused } = await gate([facts, big]);
      expect(refused.map(({ policy }) => policy).toSorted()).to.deep.equal(rules);
    });

  for (const [what, wrong] of [
    ["without an owner", { owner: "somebody" }],
    ["without a reason", { reason: "" }],
    ["without an end", { until: "never" }],
  ] as const)
    it(`are refused ${what}`, async () => {
      const exception = { policy: "volume-sizes", resource: "big", owner, reason, until: TODAY, ...wrong };
      const { refused } = await gate([factsOf({ exceptions: [exception] }), big]);
      expect(refused.map(({ policy }) => policy)).to.deep.equal(["policy-facts"]);
    });

  it("let a tenant over its budget, but never without a price", async () => {
    const facts = {
      tenant: { budgetUsdPerMonth: 1, useUsdPerMonth: 4, shareUsdPerMonth: 3 },
      exceptions: [{ policy: "tenant-budget", resource: "stack", owner, reason, until: TODAY }],
    };
    expect((await gate([factsOf(facts), planned(KEY)])).refused).to.deep.equal([]);
    const { refused } = await gate([factsOf(facts), planned("aws:tomorrow/thing:Thing")]);
    expect(refused.map(({ policy }) => policy)).to.deep.equal(["tenant-budget", "environment-budget"]);
  });
});
