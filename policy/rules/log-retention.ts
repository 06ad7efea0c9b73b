import type { LimitRule } from "./rule.ts";

/** CloudWatch keeps logs for ever where nobody says how long, and charges for each GB of them. */
export const logRetention: LimitRule = {
  name: "log-retention",
  description: "Logs are kept as long as the environment takes, and never for ever.",
  violations({ type, props }, { longestLogRetentionDays: most }) {
    if (type !== "aws:cloudwatch/logGroup:LogGroup") return [];
    const days = props["retentionInDays"];
    if (days === undefined || days === null || days === 0)
      return [`It keeps its logs for ever; ${most} days are the most here.`];
    if (typeof days !== "number") return [`Its retentionInDays is no number: ${JSON.stringify(days)}.`];
    return days <= most ? [] : [`It keeps its logs for ${days} days; ${most} are the most here.`];
  },
};
