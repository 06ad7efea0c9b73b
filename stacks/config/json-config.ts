import * as pulumi from "@pulumi/pulumi";
import type * as z from "zod";

/**
 * Reads one key of the stack's config as JSON.
 * @throws pulumi.RunError that names the key and each wrong place in it; a wrong value is not repeated
 */
export function jsonConfig<Schema extends z.ZodType>(key: string, schema: Schema): z.output<Schema> {
  const text = new pulumi.Config().get(key);
  const parsed = schema.safeParse(text === undefined ? undefined : parseJson(key, text));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${[key, ...path].join(".")}: ${message}`);
  throw new pulumi.RunError(`Wrong stack config. ${wrong.join("; ")}.`);
}

function parseJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new pulumi.RunError(`Wrong stack config. ${key} is not JSON.`);
  }
}
