import { UnknownValueError } from "@pulumi/policy";
import { UNKNOWN, type Props } from "../model/cost/planned-resource.ts";

/** A copy of a resource's properties in which UNKNOWN stands for exactly the values that reading would throw for. */
export function knownValues(props: Props): Props {
  return copyOf(props) as Props;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const read = (key: string | number) => {
    try {
      return copyOf((value as Readonly<Record<string | number, unknown>>)[key]);
    } catch (error) {
      if (error instanceof UnknownValueError) return UNKNOWN;
      throw error;
    }
  };
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => read(index));
  // Assets and archives are the SDK's own objects: code, which no rule looks into.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(key)]));
}
