import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { PropertyDifference, StackDifference } from "../../model/drift.ts";

type Values = Readonly<Record<string, unknown>>;

/** What an event of a refresh says of its resource; undefined when it says of no difference. */
export function differenceOf({ resOutputsEvent }: EngineEvent): StackDifference | undefined {
  const step = resOutputsEvent?.metadata;
  if (step?.op === "delete") return { urn: step.urn, kind: "gone", properties: [] };
  if (step?.op !== "update") return undefined;
  const { urn, diffs, detailedDiff } = step;
  const names = diffs ?? Object.keys(detailedDiff ?? {});
  const expected: Values = step.old?.inputs ?? {};
  const found: Values = step.new?.inputs ?? {};
  const properties = names.map((name) => propertyOf(name, expected[name], found[name]));
  return { urn, kind: "changed", properties };
}

/** The engine writes a secret as an object, whatever is in it: so no object is shown. */
function propertyOf(name: string, expected: unknown, found: unknown): PropertyDifference {
  return isPlain(expected) && isPlain(found) ? { name, expected, found } : { name };
}

function isPlain(value: unknown): boolean {
  return Array.isArray(value)
    ? value.every((item) => !Array.isArray(item) && isPlain(item))
    : typeof value !== "object" || value === null;
}
