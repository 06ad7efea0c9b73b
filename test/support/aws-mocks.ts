import { awsCall } from "./aws-plugin/calls.ts";
import { awsOutputs, REGION } from "./aws-plugin/outputs.ts";
import { sdkType } from "./aws-plugin/sdk-types.ts";
import { COMMON_WORLD, mockPulumi, type MockWorld } from "./pulumi-mocks.ts";

/** An AWS that makes whatever the SDK has a class for, and refuses properties that the class does not have. */
const AWS_WORLD: MockWorld = {
  make(token, name, inputs) {
    if (token === "awsx:ec2:Vpc") return { id: "", state: vpcOutputs(inputs) };
    const type = sdkType(token);
    if (type === undefined) return COMMON_WORLD.make(token, name, inputs);
    const unknown = Object.keys(inputs).filter((property) => !type.inputs.has(property));
    if (unknown.length > 0) throw new Error(`${token} takes no ${unknown.join(", ")}`);
    return awsOutputs(token, type, name, inputs);
  },
  call: (token, inputs) => awsCall(token, inputs, REGION),
};

/** Stands in for engine and AWS in the tests of one suite: `mockPulumi` with every type of AWS. */
export function mockAws() {
  return mockPulumi(AWS_WORLD);
}

/** Subnets as they were asked for; the resources inside are seen under the real engine only. */
function vpcOutputs(inputs: Readonly<Record<string, unknown>>): object {
  const specs = inputs["subnetSpecs"] as readonly { readonly type: string; readonly cidrBlocks: string[] }[];
  const idsOf = (type: string) =>
    specs
      .filter((spec) => spec.type.toLowerCase() === type)
      .flatMap(({ cidrBlocks }) => cidrBlocks.map((_, index) => `subnet-${type}-${index + 1}`));
  return {
    vpcId: "vpc-mock",
    publicSubnetIds: idsOf("public"),
    privateSubnetIds: idsOf("private"),
    isolatedSubnetIds: idsOf("isolated"),
    routeTables: [],
  };
}
