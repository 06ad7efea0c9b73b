import { expect } from "chai";
import { UNKNOWN_VALUE } from "../../../providers/properties.ts";
import { factsOf, gate, planned, type Planned } from "../../support/planned-stack.ts";

const INSTANCE = "aws:ec2/instance:Instance";
const NAT = "aws:ec2/natGateway:NatGateway";
const KEY = "aws:kms/key:Key"; // one dollar a month

const volume = (size: unknown) => planned("aws:ebs/volume:Volume", { type: "gp3", size });

describe("the gate, over variations of budgets:", () => {
  const budget = (usd: number, ...stack: readonly Planned[]) => [
    factsOf({ preset: "development", environmentBudgetUsdPerMonth: usd }),
    ...stack,
  ];
  const tenant = (facts: object, ...stack: readonly Planned[]) => [
    factsOf({ tenant: { budgetUsdPerMonth: 10, useUsdPerMonth: 4, shareUsdPerMonth: 3, ...facts } }),
    ...stack,
  ];
  const keys = (count: number) => Array.from({ length: count }, () => planned(KEY));
  const DEAREST_VOLUME = 65_536 * 0.08; // gp3 of the largest size; what is above it is paid by IOPS
  const single = (type: string, props: object) => planned(type, props as Planned["props"]);
  for (const [what, stack, rule, message] of [
    ["what costs the budget to the cent", budget(3, ...keys(3))],
    [
      "what costs more than the budget",
      budget(3, ...keys(4)),
      "environment-budget",
      /\$4\.00 a month, more than .*\$3\.00/,
    ],
    ["what costs a cent more", budget(2.99, ...keys(3)), "environment-budget", /\$3\.00/],
    ["a budget of 0", budget(0, ...keys(1)), "policy-facts", /environmentBudgetUsdPerMonth/],
    ["a negative budget", budget(-5, ...keys(1)), "policy-facts", /environmentBudgetUsdPerMonth/],
    [
      "a disk whose size nobody knows, within a budget for the worst",
      budget(DEAREST_VOLUME, volume(UNKNOWN_VALUE)),
    ],
    [
      "a disk whose size nobody knows, a cent over",
      budget(DEAREST_VOLUME - 0.01, volume(UNKNOWN_VALUE)),
      "environment-budget",
      /\$5,242\.88/,
    ],
    ["other stacks beside it up to the budget", [factsOf({ elsewhereUsdPerMonth: 49_999 }), ...keys(1)]],
    [
      "other stacks beside it over the budget",
      [factsOf({ elsewhereUsdPerMonth: 49_999 }), ...keys(2)],
      "environment-budget",
      /49,999\.00 the others/,
    ],
    [
      "other stacks that nobody counted",
      [factsOf({ elsewhereUsdPerMonth: undefined }), ...keys(1)],
      "environment-budget",
      /not known what the environment's other stacks.*pulumi config set .*\| \.tenantsUsdPerMonth \| ceil.*it is 0/s,
    ],
    [
      "a tenant's stack that does not say what the others cost",
      [factsOf({ elsewhereUsdPerMonth: undefined, tenant: { useUsdPerMonth: 0 } }), ...keys(1)],
      "environment-budget",
      /\| \(\.platformUsdPerMonth \+ \.tenantsUsdPerMonth\) \| ceil'\)"\.$/,
    ],
    ["a tenant at its budget", tenant({}, ...keys(3))],
    ["a tenant over its budget", tenant({}, ...keys(4)), "tenant-budget", /\$11\.00 a month/],
    ["a tenant without a budget", tenant({ budgetUsdPerMonth: undefined }, ...keys(40))],
    [
      "a tenant whose budget is 0",
      tenant({ budgetUsdPerMonth: 0 }, ...keys(1)),
      "policy-facts",
      /tenant\.budgetUsdPerMonth/,
    ],
    [
      "a tenant's share that nobody knows",
      tenant({ shareUsdPerMonth: undefined }, ...keys(1)),
      "tenant-budget",
      /shareUsdPerMonth/,
    ],
    ["a negative use", tenant({ useUsdPerMonth: -1 }, ...keys(1)), "policy-facts", /tenant\.useUsdPerMonth/],
    [
      "a size without a price",
      budget(50_000, planned(INSTANCE, { instanceType: "t4g.nano" }, "odd")),
      "environment-budget",
      /no price 'ec2\/instance\/t4g\.nano', which Instance odd needs/,
    ],
    [
      "a type without a price",
      budget(50_000, single("aws:tomorrow/thing:Thing", {})),
      "environment-budget",
      /aws:tomorrow\/thing:Thing/,
    ],
    [
      "a region without prices",
      [factsOf({ region: "ap-south-1" }), ...keys(1)],
      "environment-budget",
      /no prices of the region 'ap-south-1'/,
    ],
    [
      "a stack of another region at its prices",
      [factsOf({ region: "eu-west-2", environmentBudgetUsdPerMonth: 36.5 }), planned(NAT)],
    ],
    [
      "the same a cent over",
      [factsOf({ region: "eu-west-2", environmentBudgetUsdPerMonth: 36.49 }), planned(NAT)],
      "environment-budget",
      /\$36\.50/,
    ],
    [
      "a stack that says nothing of itself",
      keys(1),
      "policy-facts",
      /0 resources of type millwright:policy:Facts/,
    ],
    ["a stack that says it twice", [factsOf(), factsOf(), ...keys(1)], "policy-facts", /2 resources/],
    [
      "a stack that cannot say yet",
      [factsOf({ preset: UNKNOWN_VALUE }), ...keys(1)],
      "policy-facts",
      /preset/,
    ],
    ["a fact that nobody knows of", [factsOf({ budgetUSD: 5 }), ...keys(1)], "policy-facts", /budgetUSD/],
    [
      "a key without tags",
      [factsOf(), single(KEY, { tags: undefined })],
      "required-tags",
      /tenant, environment, costCenter/,
    ],
    [
      "a tag that is not known yet",
      [factsOf(), single(KEY, { tags: { tenant: UNKNOWN_VALUE, environment: "e", costCenter: "c" } })],
      "required-tags",
      /cannot be decided/,
    ],
    [
      "a stack of this machine, which is quoted elsewhere",
      [{ type: "millwright:index:Cell", name: "cell", props: {} }],
    ],
  ] as const satisfies readonly (readonly [
    what: string,
    stack: readonly Planned[],
    rule?: string,
    message?: RegExp,
  ])[]) {
    it(`${rule === undefined ? "takes" : "refuses"} ${what}`, async () => {
      const { refused } = await gate(stack);
      expect([...new Set(refused.map(({ policy }) => policy))]).to.deep.equal(
        rule === undefined ? [] : [rule],
      );
      if (message !== undefined) expect(refused[0]?.message).to.match(message);
    });
  }

  it("refuses by prices of the day: before the first of them there are none", async () => {
    const { refused } = await gate([factsOf(), ...keys(1)], { today: "2020-01-01" });
    expect(refused.map(({ message }) => message).join()).to.match(/first prices of us-east-1 are of/);
  });

  it("looks at what was asked for, not at what a provider will compute", async () => {
    const stack = budget(1, volume(10));
    const outputs = (props: Planned["props"]) => ({
      ...props,
      iops: UNKNOWN_VALUE,
      throughput: UNKNOWN_VALUE,
    });
    expect((await gate(stack, { outputs })).refused).to.deep.equal([]);
  });
});
