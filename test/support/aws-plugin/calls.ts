import { ACCOUNT, REGION, ZONES } from "./outputs.ts";

type Properties = Readonly<Record<string, unknown>>;

/** An account with AWS's own quotas, in which nothing of ours is yet. */
const ANSWERS: Readonly<Record<string, (inputs: Properties) => Properties>> = {
  "aws:ec2/getAmi:getAmi": () => ({
    id: "ami-0123456789abcdef0",
    architecture: "arm64",
    rootDeviceName: "/dev/xvda",
  }),
  "aws:ec2/getEips:getEips": () => ({ allocationIds: [] }),
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": ({ name }) => ({ id: "pl-63a5400a", name }),
  "aws:ec2/getVpcs:getVpcs": () => ({ ids: ["vpc-default"] }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": () => ({ id: REGION, names: [...ZONES] }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    ...{ id: ACCOUNT, accountId: ACCOUNT, userId: "AIDATEST" },
    arn: `arn:aws:iam::${ACCOUNT}:user/test`,
  }),
  "aws:index/getRegion:getRegion": () => ({ id: REGION, name: REGION, region: REGION }),
  "aws:servicequotas/getServiceQuota:getServiceQuota": ({ quotaCode, serviceCode }) => ({
    ...{ id: `${String(serviceCode)}/${String(quotaCode)}`, quotaCode, serviceCode },
    value: QUOTAS[String(quotaCode)] ?? 0,
  }),
  "aws:ssm/getParameter:getParameter": ({ name }) => ({
    ...{ id: name, name, type: "String" },
    value: "ami-0123456789abcdef0", // public parameters of AWS name images
  }),
};

const QUOTAS: Readonly<Record<string, number>> = {
  "L-F678F1CE": 5, // VPCs per region
  "L-0263D0A3": 5, // elastic IPs per region
  "L-B99A9384": 1000, // concurrent executions of Lambda
};

/**
 * The answer to a look-up.
 * @param differing - answers of another account, by token
 * @throws Error for a call that no stack makes
 */
export function awsCall(
  token: string,
  inputs: Properties,
  differing: Readonly<Record<string, Properties>> = {},
): Properties {
  const answer = ANSWERS[token];
  if (answer === undefined) throw new Error(`no answer for the call ${token}`);
  return { ...answer(inputs), ...differing[token] };
}
