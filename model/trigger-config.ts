import * as z from "zod";
import { channelHours } from "./channel-hours.ts";

/** What a trigger can be set on. GB are 2 ** 30 bytes, as a cloud bills them. */
export const TRIGGER_METRICS = [
  "ingestedGbPerDay",
  "queriesPerSecond",
  "slaViolations",
  "storageGb",
  "databaseTimeShare",
] as const;
export type TriggerMetric = (typeof TRIGGER_METRICS)[number];

/** A quarter of a year: longer is no answer to a database that suffers now. */
const MAX_WINDOW_HOURS = 2_160;

const ruleOf = (limit: z.ZodNumber) =>
  z.strictObject({ limit, windowHours: z.int().min(1).max(MAX_WINDOW_HOURS) }).optional();

/** Limits by metric; a metric that is left out is not looked at. */
const triggerRules = z.strictObject({
  ingestedGbPerDay: ruleOf(z.number().positive().max(1e6)),
  queriesPerSecond: ruleOf(z.number().positive().max(1e6)),
  slaViolations: ruleOf(z.int().positive().max(1e6)),
  storageGb: ruleOf(z.number().positive().max(1e6)),
  databaseTimeShare: ruleOf(z.number().positive().max(1)),
});

/** What becomes of a decision: it starts the move, it waits for a person, or none is made. */
const TRIGGER_MODES = ["automatic", "approval", "off"] as const;

const direction = z.strictObject({ mode: z.enum(TRIGGER_MODES), rules: triggerRules });

/** When tenants move between the shared and a dedicated database; see docs/triggers.md. */
export const triggerConfig = z
  .strictObject({
    /** Any one of the rules asks for a database of the tenant's own. */
    upgrade: direction,
    /** All of the rules together allow the way back. */
    downgrade: direction,
    /** How far, as a share of its limit, a value must go back before the same trigger can fire again. */
    hysteresis: z.number().min(0.05).max(0.9),
    /** After a decision about a tenant, and after each change of its tier, nothing is decided about it for so long. */
    coolDownHours: z.int().min(1).max(MAX_WINDOW_HOURS),
    maxDedicatedTenants: z.int().min(0).max(10_000),
    /** When moves may start; null: at any time. */
    maintenanceWindow: channelHours.nullable(),
  })
  .superRefine(({ upgrade, downgrade, hysteresis }, context) => {
    if (downgrade.mode !== "off" && Object.keys(downgrade.rules).length === 0)
      context.addIssue({
        code: "custom",
        path: ["downgrade", "rules"],
        message: "without a rule every dedicated tenant would go back",
      });
    for (const metric of TRIGGER_METRICS) {
      const [up, down] = [upgrade.rules[metric], downgrade.rules[metric]];
      if (up !== undefined && down !== undefined && down.limit > up.limit * (1 - hysteresis))
        context.addIssue({
          code: "custom",
          path: ["downgrade", "rules", metric, "limit"],
          message: "must lie below the limit of the upgrade by the hysteresis, or a tenant goes to and fro",
        });
    }
  });
export type TriggerConfig = z.infer<typeof triggerConfig>;

/**
 * Seed 000: 100 GB a day, 50 queries a second, 5 violations of the promise (it names no window: 30 days), one dedicated
 * tenant at most, for 500 USD a month. It says nothing of the way back: half the limits for two weeks, and a person agrees.
 */
export const DEFAULT_TRIGGERS: TriggerConfig = {
  upgrade: {
    mode: "automatic",
    rules: {
      ingestedGbPerDay: { limit: 100, windowHours: 24 },
      queriesPerSecond: { limit: 50, windowHours: 1 },
      slaViolations: { limit: 5, windowHours: 720 },
    },
  },
  downgrade: {
    mode: "approval",
    rules: {
      ingestedGbPerDay: { limit: 50, windowHours: 336 },
      queriesPerSecond: { limit: 25, windowHours: 336 },
    },
  },
  hysteresis: 0.2,
  coolDownHours: 168,
  maxDedicatedTenants: 1,
  maintenanceWindow: null,
};
