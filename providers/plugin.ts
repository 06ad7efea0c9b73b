import type { InputsOf, Properties, PropertyRules } from "./properties.ts";

/** A resource as it was made: its id and its whole state (the inputs and what was computed). */
interface Created {
  readonly id: string;
  readonly state: Properties;
}

/**
 * One resource type of a plugin. Every method is idempotent: after a kill -9 the engine may call it again for
 * something that is already there, half made or gone. `State` holds the inputs under their own names.
 */
export interface ResourceType<Context, Inputs extends Properties = Properties> {
  readonly properties: PropertyRules;
  /** For types whose old and new resource would be the same thing in the world. */
  readonly deleteBeforeReplace?: boolean;
  /** Makes the resource, or adopts the one of the same name. */
  create(context: Context, inputs: Inputs): Promise<Created>;
  /** What is really there; undefined when it is gone. */
  read(context: Context, state: Inputs & Properties): Promise<Properties | undefined>;
  /** Left out where every change replaces. */
  update?(context: Context, state: Inputs & Properties, inputs: Inputs): Promise<Properties>;
  /** Something that is gone already is success. */
  delete(context: Context, state: Inputs & Properties): Promise<void>;
}

/** Ties the methods of a type to its table of properties: they are called only after `checkProperties` with it. */
export function resourceType<Context, const Rules extends PropertyRules>(
  type: ResourceType<Context, InputsOf<Rules>> & { readonly properties: Rules },
): ResourceType<Context> {
  return type;
}

/** A Pulumi resource plugin: what `serve` speaks for. */
export interface Plugin<Context> {
  readonly name: string;
  readonly version: string;
  /** Properties of the provider resource itself; all arrive as strings. */
  readonly settings: readonly string[];
  /** Called once, before the first create, read, update or delete. */
  configure(settings: Readonly<Record<string, string>>): Context;
  /** By type token, such as `millwright:index:Cell`. */
  readonly types: Readonly<Record<string, ResourceType<Context>>>;
  /** Releases what `configure` opened. */
  close(context: Context): Promise<void>;
}
