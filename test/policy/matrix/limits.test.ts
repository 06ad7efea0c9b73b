import { expect } from "chai";
import { LIMITS, type Limits } from "../../../policy/limits.ts";
import { UNKNOWN_VALUE } from "../../../providers/properties.ts";
import { factsOf, gate, planned, type Planned } from "../../support/planned-stack.ts";

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

describe("the gate, over variations of limits:", () => {
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

  for (const [type, props] of [
    [INSTANCE, { instanceType: "m7g.16xlarge" }],
    [INSTANCE, {}],
    [DATABASE, { instanceClass: "db.r6g.16xlarge" }],
    [BROKERS, { brokerNodeGroupInfo: { instanceType: "kafka.m7g.16xlarge" } }],
    [BROKERS, {}],
  ] as const)
    it(`refuses ${JSON.stringify(props)} of ${type}`, async () => {
      const { refused } = await gate([factsOf(), planned(type, props)]);
      expect(refused.map(({ policy }) => policy)).to.include("server-sizes");
    });

  it("leaves a server's size to its template", async () => {
    const server = planned(INSTANCE, { launchTemplate: { id: UNKNOWN_VALUE } });
    expect(
      (await gate([factsOf(), planned(TEMPLATE, { instanceType: "m7g.large" }), server])).refused,
    ).to.deep.equal([]);
  });
});
