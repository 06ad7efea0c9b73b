import type { StackRule } from "./rule.ts";

/** Each is paid by the hour whether anything goes through it or not. */
export const natCount: StackRule = {
  name: "nat-count",
  description: "A stack has no more NAT gateways than the environment takes.",
  isLimit: true,
  isExceptable: true,
  violations({ resources, limits: { mostNatGateways: most } }) {
    const count = resources.filter(({ type }) => type === "aws:ec2/natGateway:NatGateway").length;
    return count <= most ? [] : [`It has ${count} NAT gateways; ${most} are the most here.`];
  },
};
