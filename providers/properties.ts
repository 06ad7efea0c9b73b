/** A value that the engine does not know yet in a preview. */
export const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"; // fixed by Pulumi's wire format

/** Property values as they travel between engine and plugin: plain JSON, secrets unwrapped. */
export type Properties = Readonly<Record<string, unknown>>;

interface ValueKinds {
  readonly text: string;
  readonly texts: readonly string[];
  readonly flag: boolean;
  readonly whole: number;
}

/** What one property of a resource type may be, and what its change means. */
interface PropertyRule<Kind extends keyof ValueKinds = keyof ValueKinds> {
  readonly kind: Kind;
  readonly isRequired?: boolean;
  /** Taken when the property is left out. */
  readonly fallback?: ValueKinds[Kind];
  /** A change makes a new resource instead of updating this one. */
  readonly replaces?: boolean;
}

export type PropertyRules = Readonly<Record<string, PropertyRule>>;

/** The typed inputs that a table of rules describes. */
export type InputsOf<Rules extends PropertyRules> = {
  readonly [Name in keyof Rules]:
    | ValueKinds[Rules[Name]["kind"]]
    | (Rules[Name] extends { isRequired: true } | { fallback: unknown } ? never : undefined);
};

/** Why one property was refused. */
export interface PropertyFailure {
  readonly property: string;
  readonly reason: string;
}

/** Fills in fallbacks and names each property that is missing, of another kind or not known here. */
export function checkProperties(
  given: Properties,
  rules: PropertyRules,
): { readonly inputs: Properties; readonly failures: readonly PropertyFailure[] } {
  const inputs: Record<string, unknown> = {};
  const failures: PropertyFailure[] = [];
  for (const [property, value] of Object.entries(given)) {
    if (property in rules || property.startsWith("__") || isAbsent(value)) continue;
    // Ignoring it would build something else than was asked for.
    failures.push({ property, reason: `this plugin does not know '${property}'` });
  }
  for (const [property, rule] of Object.entries(rules)) {
    const value = isAbsent(given[property]) ? rule.fallback : given[property];
    if (value === undefined) {
      if (rule.isRequired === true) failures.push({ property, reason: `'${property}' is required` });
    } else if (!isOfKind(value, rule.kind)) {
      failures.push({ property, reason: `'${property}' must be ${KIND_NAMES[rule.kind]}` });
    } else inputs[property] = value;
  }
  return { inputs, failures };
}

/** Names of the properties that differ between what is and what is wanted; an unknown value counts as another one. */
export function changedProperties(state: Properties, wanted: Properties, rules: PropertyRules): string[] {
  return Object.keys(rules).filter((property) => {
    const [before, after] = [state[property], wanted[property]];
    if (isAbsent(before) && isAbsent(after)) return false;
    return containsUnknown(after) || JSON.stringify(before) !== JSON.stringify(after);
  });
}

const KIND_NAMES: Readonly<Record<keyof ValueKinds, string>> = {
  text: "a string",
  texts: "a list of strings",
  flag: "true or false",
  whole: "a whole number",
};

function isOfKind(value: unknown, kind: keyof ValueKinds): boolean {
  if (value === UNKNOWN_VALUE) return true;
  if (kind === "texts") return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (kind === "flag") return typeof value === "boolean";
  if (kind === "whole") return Number.isSafeInteger(value);
  return typeof value === "string";
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function containsUnknown(value: unknown): boolean {
  return value === UNKNOWN_VALUE || (Array.isArray(value) && value.includes(UNKNOWN_VALUE));
}
