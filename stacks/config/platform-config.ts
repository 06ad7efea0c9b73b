import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { jsonConfig } from "./json-config.ts";

const cells = z
  .array(
    z.strictObject({
      name: z.string().regex(/^shared-[1-9][0-9]{0,3}$/, "shared-1, shared-2, …"),
      /** Tenants it may hold: the catalog places by it, the stack builds the same cell whatever it says. */
      tenantCapacity: z.int().min(1),
      /** The server is there already: its superuser's URL is the secret `cellUrl-NAME`. */
      urlSecret: z.boolean().default(false),
    }),
  )
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "each name once");

/** A cell that many tenants share. */
export interface SharedCellConfig {
  readonly name: string;
  /** Superuser's URL of a server that is there already, a secret; undefined where the stack makes it. */
  readonly url: pulumi.Output<string> | undefined;
}

/** Settings of a `platform-ENV` stack. */
export interface PlatformConfig {
  /** Absolute folder of the installation. */
  readonly home: string;
  readonly cells: readonly SharedCellConfig[];
  /** True unless `millwright:isProtected` is `false`: to be lifted by an `up` before a destroy. */
  readonly isProtected: boolean;
}

export function readPlatformConfig(): PlatformConfig {
  return {
    home: readHome(),
    cells: readCells(1),
    isProtected: jsonConfig("isProtected", z.boolean().default(true)),
  };
}

/** `millwright:cells`; left out, there is none. */
export function readCells(leastCount: number): readonly SharedCellConfig[] {
  const config = new pulumi.Config();
  return jsonConfig("cells", cells.min(leastCount).prefault([])).map(({ name, urlSecret }) => ({
    name,
    url: urlSecret ? config.requireSecret(`cellUrl-${name}`) : undefined,
  }));
}

/** The same as the catalog places by. */
export function readCellPlaces(): readonly { readonly name: string; readonly tenantCapacity: number }[] {
  return jsonConfig("cells", cells.prefault([])).map(({ name, tenantCapacity }) => ({
    name,
    tenantCapacity,
  }));
}

/** `millwright:home`, of either kind of local stack: the absolute folder of the installation. */
export function readHome(): string {
  const home = new pulumi.Config().require("home");
  if (!path.isAbsolute(home))
    throw new pulumi.RunError(`Wrong stack config. home: '${home}' is not absolute.`);
  return home;
}
