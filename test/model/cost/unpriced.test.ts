import { expect } from "chai";
import { MillwrightError } from "../../../model/errors.ts";
import { UNKNOWN, type Props } from "../../../model/cost/planned-resource.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { stackLines } from "../../../model/cost/stack-lines.ts";

const book = bookOf({ region: "us-east-1", date: "2026-11-20" });
const refusal = (type: string, props: Props): string | undefined => {
  try {
    stackLines(book, [{ type, name: "it", props }]);
    return undefined;
  } catch (error) {
    if (error instanceof MillwrightError && error.code === "price-missing") return error.message;
    throw error;
  }
};

const EACH: readonly (readonly [type: string, ...inputs: (readonly [name: string, dear: unknown])[]])[] = [
  [
    "aws:acm/certificate:Certificate",
    ["certificateAuthorityArn", "arn:ca"],
    ["options", { export: "ENABLED" }],
  ],
  [
    "aws:apigateway/methodSettings:MethodSettings",
    ["settings", { cachingEnabled: true }],
    ["settings", { metricsEnabled: true }],
  ],
  ["aws:cloudwatch/metricAlarm:MetricAlarm", ["evaluationCriteria", { promqlCriteria: {} }]],
  ["aws:ebs/volume:Volume", ["volumeInitializationRate", 300]],
  [
    "aws:ec2/instance:Instance",
    ["hostId", "h-1"],
    ["hostResourceGroupArn", "arn:group"],
    ["creditSpecification", { cpuCredits: "unlimited" }],
  ],
  [
    "aws:ec2/launchTemplate:LaunchTemplate",
    ["placement", { hostId: "h-1" }],
    ["placement", { hostResourceGroupArn: "arn:group" }],
    ["creditSpecification", { cpuCredits: "unlimited" }],
    ["licenseSpecifications", [{ licenseConfigurationArn: "arn:license" }]],
  ],
  ["aws:ec2/natGateway:NatGateway", ["availabilityZoneAddresses", [{ availabilityZone: "us-east-1a" }]]],
  ["aws:ec2/vpcEndpoint:VpcEndpoint", ["vpcEndpointType", "ServiceNetwork"]],
  [
    "aws:ecs/service:Service",
    ["launchType", "EXTERNAL"],
    ["capacityProviderStrategies", [{ capacityProvider: "own" }]],
    ["volumeConfiguration", { name: "disk" }],
    ["vpcLatticeConfigurations", [{ portName: "http" }]],
  ],
  ["aws:kms/key:Key", ["xksKeyId", "key"]],
  [
    "aws:lambda/function:Function",
    ["capacityProviderConfig", { lambdaManagedInstancesCapacityProviderConfig: {} }],
    ["durableConfig", { executionTimeout: 60 }],
    ["tenancyConfig", { tenantIsolationMode: "PER_TENANT" }],
  ],
  ["aws:lb/listener:Listener", ["mutualAuthentication", { mode: "verify" }]],
  ["aws:msk/cluster:Cluster", ["brokerNodeGroupInfo", { instanceType: "express.m7g.large" }]],
  [
    "aws:rds/instance:Instance",
    ["licenseModel", "license-included"],
    ["monitoringInterval", 60],
    ["customIamInstanceProfile", "AWSRDSCustom"],
    ["replicateSourceDb", "other"],
    ["restoreToPointInTime", { sourceDbInstanceIdentifier: "other" }],
    ["s3Import", { bucketName: "dump" }],
  ],
  ["aws:route53/zone:Zone", ["enableAcceleratedRecovery", true]],
  [
    "aws:sesv2/configurationSet:ConfigurationSet",
    ["vdmOptions", {}],
    ["deliveryOptions", { sendingPoolName: "own" }],
  ],
  [
    "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination",
    ["eventDestination", { cloudWatchDestination: {} }],
    ["eventDestination", { kinesisFirehoseDestination: {} }],
    ["eventDestination", { pinpointDestination: {} }],
  ],
];

describe("what makes a resource dearer, and nothing prices,", () => {
  for (const [type, ...inputs] of EACH)
    for (const [name, dear] of inputs)
      it(`is refused with its name: ${type} ${JSON.stringify({ [name]: dear })}`, () => {
        expect(refusal(type, { [name]: dear })).to.match(/^There is no price|has no price/);
        expect(refusal(type, { [name]: dear })).to.include(`${type.split(":")[2]!} it`);
      });

  it("is refused while it is not known", () => {
    for (const [type, ...inputs] of EACH)
      for (const [name] of inputs.filter(([input]) => input !== "vpcEndpointType"))
        expect(refusal(type, { [name]: UNKNOWN }), `${type} ${name}`).to.be.a("string");
  });

  it("is looked for in each element of a list", () => {
    const service = (...providers: string[]) =>
      refusal("aws:ecs/service:Service", {
        capacityProviderStrategies: providers.map((capacityProvider) => ({ capacityProvider })),
      });
    expect(service("FARGATE", "own")).to.match(/capacityProvider "own"/);
    expect(service("FARGATE", "FARGATE_SPOT")).not.to.match(/capacityProvider/);
  });
});
