import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../target.ts";
import { Cell } from "./cell.ts";

export interface DedicatedTierArgs {
  readonly target: Target;
  readonly url: pulumi.Output<string> | undefined;
  readonly isProtected: boolean;
  /** Dedicated tenants of the environment once this stack is up, this one included; undefined when nobody counted. */
  readonly dedicatedTenantCount: number | undefined;
  readonly maxDedicatedTenants: number;
}

/** A cell for one tenant, and named like it (`dedicated-acme`). Its inputs carry what policy/rules/dedicated-tenant-limit.ts decides on. */
export class DedicatedTier extends pulumi.ComponentResource {
  readonly cell: Cell;

  constructor(name: string, args: DedicatedTierArgs, opts?: pulumi.ComponentResourceOptions) {
    const { target, url, isProtected, dedicatedTenantCount, maxDedicatedTenants } = args;
    super("millwright:tiers:DedicatedTier", name, { dedicatedTenantCount, maxDedicatedTenants }, opts);
    this.cell = new Cell(name, { target, url, isProtected }, { parent: this });
    this.registerOutputs({ access: this.cell.access });
  }
}
