import * as z from "zod";
import { externalId } from "./reading.ts";
import { SEVERITIES } from "./rule.ts";

/** Systems that an alert may have passed before it comes to us; a longer way is taken for a loop of others. */
export const MAX_HOPS = 8;

const line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\u0000-\u001f\u007f]*$/, "no control characters");

/** What another system says about one of its alerts. */
export const externalAlertBody = z.strictObject({
  source: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1-64 characters: letters, digits and . _ -"),
  externalId: line.meta({ description: "Of one occurrence, in the source's own words" }),
  state: z.enum(["raised", "returned"]),
  machineId: externalId,
  severity: z.enum(SEVERITIES),
  name: line.meta({ description: "Of the condition: while it stands on a machine it is one alert" }),
  time: z.iso.datetime({ offset: true }),
  via: z.array(line).max(100).default([]).meta({
    description: "Systems that the alert has passed; copy it from what we sent, if it came from us",
  }),
});
export type ExternalAlertBody = z.infer<typeof externalAlertBody>;

/** Stands where an own alert has its rule: a colon is in no rule's id, so the two never meet. */
export function externalRule({ source, name }: Pick<ExternalAlertBody, "source" | "name">): string {
  return `${source}:${name}`;
}
