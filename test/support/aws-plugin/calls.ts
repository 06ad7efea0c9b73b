import { ACCOUNT } from "./outputs.ts";

type Properties = Readonly<Record<string, unknown>>;

/** What is special about a region; every other one has three zones and, of AWS's own, one VPC. */
const REGIONS: Readonly<Record<string, { readonly zones?: readonly string[]; readonly vpcCount?: number }>> =
  {
    "us-west-1": { zones: ["b", "c"] }, // as it is for accounts of today
    "xx-narrow-1": { zones: ["a"] },
    "xx-full-1": { vpcCount: 5 },
  };
const QUOTAS: Readonly<Record<string, number>> = {
  "L-F678F1CE": 5, // VPCs per region
  "L-0263D0A3": 5, // elastic IPs per region
  "L-B99A9384": 1000, // concurrent executions of Lambda
};
const IMAGE = "ami-0123456789abcdef0";

const ANSWERS: Readonly<Record<string, (inputs: Properties, region: string) => Properties>> = {
  "aws:ec2/getAmi:getAmi": () => ({ id: IMAGE, architecture: "arm64", rootDeviceName: "/dev/xvda" }),
  "aws:ec2/getEips:getEips": () => ({ allocationIds: [] }),
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": ({ name }) => ({ id: "pl-63a5400a", name }),
  // Tags are asked for to find ours, of which there is none yet.
  "aws:ec2/getVpcs:getVpcs": ({ tags }, region) => ({
    ids: Array.from(
      { length: tags === undefined ? (REGIONS[region]?.vpcCount ?? 1) : 0 },
      (_, n) => `vpc-${n}`,
    ),
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": (_, region) => ({
    id: region,
    names: (REGIONS[region]?.zones ?? ["a", "b", "c"]).map((zone) => `${region}${zone}`),
  }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    ...{ id: ACCOUNT, accountId: ACCOUNT, userId: "AIDATEST" },
    arn: `arn:aws:iam::${ACCOUNT}:user/test`,
  }),
  "aws:index/getRegion:getRegion": (_, region) => ({ id: region, name: region, region }),
  "aws:servicequotas/getServiceQuota:getServiceQuota": ({ quotaCode, serviceCode }) => ({
    ...{ id: `${String(serviceCode)}/${String(quotaCode)}`, quotaCode, serviceCode },
    value: QUOTAS[String(quotaCode)] ?? 0,
  }),
  "aws:iot/getEndpoint:getEndpoint": ({ endpointType }, region) => ({
    ...{ id: "endpoint", endpointType, endpointAddress: `a1b2c3-ats.iot.${region}.amazonaws.com` },
  }),
  // Certificates that servers have published.
  "aws:ssm/getParameter:getParameter": ({ name }) => ({
    ...{ id: name, name, type: "String" },
    value: `-----BEGIN CERTIFICATE-----\n${String(name)}\n-----END CERTIFICATE-----\n`,
  }),
};

/**
 * The answer to a look-up, of an account with AWS's own quotas in which nothing of ours is yet.
 * @throws Error for a call that no stack makes
 */
export function awsCall(token: string, inputs: Properties, region: string): Properties {
  const answer = ANSWERS[token];
  if (answer === undefined) throw new Error(`no answer for the call ${token}`);
  return answer(inputs, region);
}
