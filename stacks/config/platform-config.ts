import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
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
  .min(1)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "each name once");

/** Settings of a `platform-ENV` stack. */
export interface PlatformConfig {
  /** Absolute folder of the installation. */
  readonly home: string;
  readonly cells: readonly { readonly name: string; readonly url: pulumi.Output<string> | undefined }[];
  /** True unless `millwright:isProtected` is `false`: to be lifted by an `up` before a destroy. */
  readonly isProtected: boolean;
}

export function readPlatformConfig(): PlatformConfig {
  const config = new pulumi.Config();
  return {
    home: readHome(config),
    cells: jsonConfig("cells", cells).map(({ name, urlSecret }) => ({
      name,
      url: urlSecret ? config.requireSecret(`cellUrl-${name}`) : undefined,
    })),
    isProtected: jsonConfig("isProtected", z.boolean().default(true)),
  };
}

/** `millwright:home`, of either kind of stack. */
export function readHome(config: pulumi.Config): string {
  const home = config.require("home");
  if (!path.isAbsolute(home))
    throw new pulumi.RunError(`Wrong stack config. home: '${home}' is not absolute.`);
  return home;
}
