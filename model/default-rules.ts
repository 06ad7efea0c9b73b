import { ruleBody, type RuleBody } from "./rule.ts";

/** What every plant is told of from its first day on (seed 004, IoT rule 2), as customers write it. */
const BODIES = [
  {
    id: "co2-high",
    name: "CO2 above 5000 ppm",
    type: "air-quality",
    metric: "co2_ppm",
    condition: { kind: "threshold", op: ">", limit: 5_000 },
    severity: "critical",
  },
  {
    id: "machine-offline",
    name: "Machine offline for 15 minutes",
    type: "machine",
    metric: "state",
    condition: { kind: "state", equals: "offline", onDelayMs: 900_000 },
    severity: "critical",
  },
] as const;

export const DEFAULT_RULES: readonly (RuleBody & { readonly id: string })[] = BODIES.map((body) => ({
  ...ruleBody.parse(body),
  id: body.id,
}));
