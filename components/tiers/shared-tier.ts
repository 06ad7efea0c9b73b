import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../target.ts";
import type { CellAccess } from "./cell-login.ts";
import { Cell } from "./cell.ts";

interface SharedCellArgs {
  /** `shared-1`, `shared-2`, …: part of every physical name, so it never changes. */
  readonly name: string;
  readonly url: pulumi.Output<string> | undefined;
}

export interface SharedTierArgs {
  readonly target: Target;
  readonly cells: readonly SharedCellArgs[];
  readonly isProtected: boolean;
}

/** The databases that many tenants share, one schema each. Growing is another cell, never a bigger one. */
export class SharedTier extends pulumi.ComponentResource {
  /** By cell name. */
  readonly cells: pulumi.Output<Readonly<Record<string, CellAccess>>>;
  /** By cell name: how the tenants' stacks connect. */
  readonly sslmodes: pulumi.Output<Readonly<Record<string, string>>>;

  constructor(name: string, args: SharedTierArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:tiers:SharedTier", name, {}, opts);
    const { target, isProtected } = args;
    const cells = args.cells.map(
      ({ name: cell, url }) =>
        [cell, new Cell(cell, { target, url, isProtected }, { parent: this })] as const,
    );
    this.cells = pulumi.secret(Object.fromEntries(cells.map(([cell, { access }]) => [cell, access])));
    this.sslmodes = pulumi.output(Object.fromEntries(cells.map(([cell, { sslmode }]) => [cell, sslmode])));
    this.registerOutputs({ cells: this.cells, sslmodes: this.sslmodes });
  }
}
