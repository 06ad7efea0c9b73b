import { expect } from "chai";
import { MillwrightError } from "../../../model/errors.ts";
import { UNKNOWN, type PlannedResource } from "../../../model/cost/planned-resource.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { stackCharges, stackLines } from "../../../model/cost/stack-lines.ts";
import { totalOf } from "../../../model/cost/cost-line.ts";

const book = bookOf({ region: "us-east-1", date: "2026-11-20" });
const resource = (type: string, props: object = {}, name = "it"): PlannedResource => ({
  ...{ type, name },
  props: props as PlannedResource["props"],
});
const INSTANCE = "aws:ec2/instance:Instance";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
/** Price keys and expected quantities. */
const charged = (...stack: readonly PlannedResource[]) =>
  stackCharges(book, stack).map(({ price, quantity }) => [price, quantity.expected]);
const usd = (...stack: readonly PlannedResource[]) => totalOf(stackLines(book, stack)).expected / 1e6;

describe("what a stack is charged with", () => {
  it("is by the hour, the GB and the piece, with what comes with a size", () => {
    const template = resource(TEMPLATE, {
      instanceType: "r6g.xlarge",
      blockDeviceMappings: [{ ebs: { volumeSize: 16, volumeType: "gp3" } }],
    });
    expect(charged(template, resource(INSTANCE, { launchTemplate: { id: UNKNOWN } }))).to.deep.equal([
      ["ec2/instance/r6g.xlarge", 730],
      ["ebs/gp3-storage", 16],
      ["cloudwatch/metrics", 8],
    ]);
    const volume = { type: "gp3", size: 1_000, iops: 6_000, throughput: 250 };
    expect(charged(resource("aws:ebs/volume:Volume", volume))).to.deep.equal([
      ["ebs/gp3-storage", 1_000],
      ["ebs/gp3-iops", 3_000],
      ["ebs/gp3-throughput", 125],
    ]);
    const msk = {
      numberOfBrokerNodes: 3,
      brokerNodeGroupInfo: {
        ...{ instanceType: "kafka.m7g.large", storageInfo: { ebsStorageInfo: { volumeSize: 500 } } },
      },
    };
    expect(charged(resource("aws:msk/cluster:Cluster", msk))).to.deep.equal([
      ["msk/broker/kafka.m7g.large", 2_190],
      ["msk/storage", 1_500],
    ]);
    const metric = (period: number) => ({ metric: { period } });
    const alarm = { metricQueries: [{ expression: "a / b" }, metric(300), metric(300)] };
    expect(charged(resource("aws:cloudwatch/metricAlarm:MetricAlarm", alarm))).to.deep.equal([
      ["cloudwatch/alarms", 2],
    ]);
    const endpoint = { vpcEndpointType: "Interface", subnetIds: ["a", UNKNOWN, "c"] };
    expect(charged(resource("aws:ec2/vpcEndpoint:VpcEndpoint", endpoint))).to.deep.equal([
      ["vpc-endpoint/hours", 2_190],
    ]);
    expect(charged(resource("aws:ec2/vpcEndpoint:VpcEndpoint"))).to.deep.equal([]);
  });

  it("is a list price: seed 000's database, RDS Multi-AZ with 100 GB", () => {
    const database = { instanceClass: "db.r6g.xlarge", multiAz: true, allocatedStorage: 100 };
    expect(usd(resource("aws:rds/instance:Instance", database))).to.equal(679.27);
  });

  it("takes what is not known at its worst: never less than any size that is known", () => {
    const worst = usd(resource(INSTANCE, { instanceType: UNKNOWN }));
    for (const size of ["m7g.large", "r6g.xlarge", "r7g.2xlarge"])
      expect(usd(resource(INSTANCE, { instanceType: size })), size).to.be.at.most(worst);
    for (const [type, known, path] of [
      ["aws:ebs/volume:Volume", { type: "gp3", size: 16_384 }, "size"],
      [
        "aws:rds/instance:Instance",
        { instanceClass: "db.r6g.xlarge", allocatedStorage: 64_000 },
        "allocatedStorage",
      ],
      ["aws:rds/instance:Instance", { instanceClass: "db.t4g.small", multiAz: true }, "multiAz"],
      ["aws:rds/instance:Instance", { instanceClass: "db.r6g.xlarge", multiAz: true }, "instanceClass"],
      [
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        { vpcEndpointType: "Interface", subnetIds: ["a", "b"] },
        "subnetIds",
      ],
      [
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        { vpcEndpointType: "Interface", subnetIds: ["a"] },
        "vpcEndpointType",
      ],
      ["aws:cloudwatch/metricAlarm:MetricAlarm", { period: 10 }, "period"],
      ["aws:ssm/parameter:Parameter", { tier: "Advanced" }, "tier"],
    ] as const)
      expect(usd(resource(type, { ...known, [path]: UNKNOWN })), `${type} ${path}`).to.be.at.least(
        usd(resource(type, known)),
      );
  });

  it("costs more for more", () => {
    const volume = (size: number) => resource("aws:ebs/volume:Volume", { type: "gp3", size });
    expect(usd(volume(200))).to.equal(2 * usd(volume(100)));
  });

  it("refuses a type that it does not know, and a size without a price, by name", () => {
    const refusal = (stack: readonly PlannedResource[]) => {
      try {
        stackLines(book, stack);
      } catch (error) {
        return error instanceof MillwrightError ? `${error.code}: ${error.message}` : String(error);
      }
      return "passed";
    };
    expect(refusal([resource("aws:redshift/cluster:Cluster", {}, "warehouse")])).to.match(
      /^price-missing: .*redshift.*warehouse/,
    );
    expect(refusal([resource(INSTANCE, { instanceType: "x99.huge" }, "giant")])).to.match(
      /^price-missing: .*ec2\/instance\/x99\.huge.*giant/,
    );
    expect(refusal([resource("toString")])).to.match(/^price-missing/);
    expect(refusal([resource("aws:ebs/volume:Volume", { type: "st1", size: 1 })])).to.match(
      /ebs\/st1-storage/,
    );
  });
});
