import type { LimitRule, PlannedResource } from "./rule.ts";

type Props = PlannedResource["props"];

const SIZE = /^(?:db\.|kafka\.|express\.)?([a-z0-9-]+)\.([a-z0-9-]+)$/;
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const SMALL_SIZES = ["nano", "micro", "small", "medium", "large"];

/** Whoever means `xlarge` and writes `16xlarge` pays twenty times as much. */
export const serverSizes: LimitRule = {
  name: "server-sizes",
  description: "Servers, databases and brokers are of the families and sizes that the environment takes.",
  violations({ type, props }, { serverFamilies, largestServer }, stack) {
    const found = SIZE_OF[type]?.(props, stack);
    if (found === undefined) return [];
    const size = typeof found === "string" ? found : JSON.stringify(found);
    const [, family = "", step = ""] = SIZE.exec(size) ?? [];
    const [rank, mostRank] = [rankOf(step), rankOf(largestServer)];
    if (rank === undefined || mostRank === undefined) return [`Its size is not one with a limit: ${size}.`];
    return [
      ...(serverFamilies.includes(family)
        ? []
        : [`${size} is not of a family that is taken here: ${serverFamilies.join(", ")}.`]),
      ...(rank <= mostRank ? [] : [`${size} is larger than ${largestServer}, the largest size here.`]),
    ];
  },
};

/** Size of each type that has one; null: it has none, and AWS chooses. */
const SIZE_OF: Readonly<Record<string, (props: Props, stack: readonly PlannedResource[]) => unknown>> = {
  // A server of a launch template may leave it to the template, which is looked at where it is in the stack.
  "aws:ec2/instance:Instance": ({ instanceType, launchTemplate }, stack) =>
    instanceType ?? (isInStack(launchTemplate, stack) ? undefined : null),
  [TEMPLATE]: ({ instanceType }) => instanceType ?? null,
  "aws:rds/instance:Instance": ({ instanceClass }) => instanceClass ?? null,
  "aws:msk/cluster:Cluster": ({ brokerNodeGroupInfo }) =>
    (brokerNodeGroupInfo as Props | undefined)?.["instanceType"] ?? null,
};

function isInStack(template: unknown, stack: readonly PlannedResource[]): boolean {
  if (template === undefined || template === null) return false;
  const { name } = template as Props;
  const own = stack.filter(({ type }) => type === TEMPLATE);
  return typeof name === "string" ? own.some(({ props }) => props["name"] === name) : own.length > 0;
}

/** The place of a size among the sizes, `micro` before `2xlarge`; undefined: a size that is none, or `metal`. */
function rankOf(size: string): number | undefined {
  const small = SMALL_SIZES.indexOf(size);
  if (small >= 0) return small;
  const [, times] = /^(\d{0,3})xlarge$/.exec(size) ?? [];
  return times === undefined ? undefined : SMALL_SIZES.length + Number(times === "" ? 1 : times);
}
