import { expect } from "chai";
import { LIMITS, type Limits } from "../../policy/limits.ts";
import { UNKNOWN_VALUE } from "../../providers/properties.ts";
import { factsOf, gate, planned, TODAY, type Planned } from "../support/planned-stack.ts";

/** One stack, and what must become of it: the rule that it breaks, if it breaks one. */
interface Variation {
  readonly what: string;
  readonly stack: readonly Planned[];
  readonly breaks: string | undefined;
}

const INSTANCE = "aws:ec2/instance:Instance";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const VOLUME = "aws:ebs/volume:Volume";
const DATABASE = "aws:rds/instance:Instance";
const BROKERS = "aws:msk/cluster:Cluster";
const TARGET = "aws:appautoscaling/target:Target";
const LOGS = "aws:cloudwatch/logGroup:LogGroup";
const NAT = "aws:ec2/natGateway:NatGateway";
const KEY = "aws:kms/key:Key"; // one dollar a month

const volume = (size: unknown) => planned(VOLUME, { type: "gp3", size });
const logs = (retentionInDays?: unknown) => planned(LOGS, { retentionInDays });
/** What differs at, below and above a limit. @param cases - the value, and whether it keeps the limit */
function around(
  what: string,
  rule: string,
  stackOf: (value: unknown) => Planned,
  cases: readonly (readonly [value: unknown, isKept: boolean])[],
): Variation[] {
  return cases.map(([value, isKept]) => ({
    what: `${what} ${value === UNKNOWN_VALUE ? "that is not known yet" : String(value)}`,
    stack: [stackOf(value)],
    breaks: isKept ? undefined : rule,
  }));
}

const SIZES = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];

function variations({ largestServer, largestVolumeGb, mostNatGateways, longestLogRetentionDays }: Limits) {
  const largest = SIZES.indexOf(largestServer);
  const [below, at, above] = [SIZES[largest - 1]!, largestServer, SIZES[largest + 1]!];
  const sizes = (what: string, stackOf: (size: unknown) => Planned, prefix: string) =>
    around(what, "server-sizes", stackOf, [
      ...([below, at].map((size) => [`${prefix}${size}`, true]) as [string, boolean][]),
      [`${prefix}${above}`, false],
      [`${prefix}metal`, false],
      [UNKNOWN_VALUE, false],
    ]);
  const gb = (what: string, stackOf: (size: unknown) => Planned) =>
    around(what, "volume-sizes", stackOf, [
      [largestVolumeGb - 1, true],
      [largestVolumeGb, true],
      [largestVolumeGb + 1, false],
      [UNKNOWN_VALUE, false],
    ]);
  const brokers = (info: object) =>
    planned(BROKERS, {
      numberOfBrokerNodes: 3,
      brokerNodeGroupInfo: { instanceType: "kafka.m7g.large", ...info },
    });
  return [
    ...sizes("a template of", (instanceType) => planned(TEMPLATE, { instanceType }), "m7g."),
    {
      what: "a template of a strange family",
      stack: [planned(TEMPLATE, { instanceType: "p5.large" })],
      breaks: "server-sizes",
    },
    { what: "a template without a size", stack: [planned(TEMPLATE)], breaks: "server-sizes" },
    ...gb("a volume of", volume),
    ...gb("a template's disk of", (volumeSize) =>
      planned(TEMPLATE, { instanceType: "m7g.large", blockDeviceMappings: [{ ebs: { volumeSize } }] }),
    ),
    ...gb("a database that grows to", (maxAllocatedStorage) =>
      planned(DATABASE, { instanceClass: "db.r6g.xlarge", allocatedStorage: 20, maxAllocatedStorage }),
    ),
    ...gb("brokers' disks of", (volumeSize) => brokers({ storageInfo: { ebsStorageInfo: { volumeSize } } })),
    ...gb("brokers' disks that grow to", (maxCapacity) =>
      planned(TARGET, { serviceNamespace: "kafka", maxCapacity }),
    ),
    ...around("logs for days:", "log-retention", logs, [
      [longestLogRetentionDays, true],
      [longestLogRetentionDays + 1, false],
      [0, false],
      [undefined, false],
      [UNKNOWN_VALUE, false],
    ]),
    ...[0, 1].map((more) => ({
      what: `${mostNatGateways + more} NAT gateways`,
      stack: Array.from({ length: mostNatGateways + more }, () => planned(NAT)),
      breaks: more === 0 ? undefined : "nat-count",
    })),
  ] satisfies Variation[];
}

describe("the gate, over variations of stacks:", () => {
  for (const preset of ["development", "production"] as const) {
    const limits = LIMITS[preset];
    for (const { what, stack, breaks } of variations(limits))
      it(`${preset} ${breaks === undefined ? "takes" : limits.level === "mandatory" ? "refuses" : "warns of"} ${what}`, async () => {
        const { refused, advised } = await gate([factsOf({ preset, environment: preset }), ...stack]);
        const expected = breaks === undefined ? [] : [breaks];
        const isRefused = limits.level === "mandatory";
        expect(refused.map(({ policy }) => policy)).to.deep.equal(isRefused ? expected : []);
        expect(advised.map(({ message }) => message.split(":")[0])).to.deep.equal(isRefused ? [] : expected);
      });
  }

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
      /not known what the environment's other stacks/,
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

  for (const [type, props] of [
    [INSTANCE, { instanceType: "m7g.16xlarge" }],
    [INSTANCE, {}],
    [DATABASE, { instanceClass: "db.r6g.16xlarge" }],
    [BROKERS, { brokerNodeGroupInfo: { instanceType: "kafka.m7g.16xlarge" } }],
    [BROKERS, {}],
  ] as const)
    it(`refuses ${JSON.stringify(props)} of ${type}`, async () => {
      const { refused } = await gate([factsOf(), single(type, props)]);
      expect(refused.map(({ policy }) => policy)).to.include("server-sizes");
    });

  it("leaves a server's size to its template", async () => {
    const server = planned(INSTANCE, { launchTemplate: { id: UNKNOWN_VALUE } });
    expect(
      (await gate([factsOf(), planned(TEMPLATE, { instanceType: "m7g.large" }), server])).refused,
    ).to.deep.equal([]);
  });

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

  describe("exceptions", () => {
    const owner = "ops@example.com";
    const reason = "a restore that needs room";
    const big = planned(VOLUME, { type: "gp3", size: 9_000 }, "big");
    const excepted = (until: string, policy = "volume-sizes", resource = "big") =>
      factsOf({ exceptions: [{ policy, resource, owner, reason, until }] });

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
});
