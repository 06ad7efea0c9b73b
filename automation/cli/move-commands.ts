import { Option, type Command } from "commander";
import { TIERS } from "../../model/tenant.ts";
import { segment, type CommandContext } from "./context.ts";
import { startOperation } from "./start-operation.ts";

interface MoveOptions {
  readonly to: string;
  readonly cell?: string;
  readonly newServer?: boolean;
  readonly reason?: string;
  readonly wait?: boolean;
}

const WAIT = ["--wait", "follow the operation until it ends; exit 1 when it fails"] as const;

/** @param tenant - the command `tenant` */
export function addMoveCommands(tenant: Command, context: CommandContext): void {
  tenant
    .command("move <id>")
    .description("move a tenant to another tier or cell, while it writes")
    .addOption(new Option("--to <tier>").choices(TIERS).makeOptionMandatory())
    .option("--cell <name>", "a shared cell (default: the one with the most room)")
    .option("--new-server", "another database, for a tenant that has one of its own")
    .option("--reason <text>", "why, for the record")
    .option(...WAIT)
    .action(async (id: string, { to, cell, newServer, reason, wait }: MoveOptions, command: Command) => {
      const body = {
        tier: to,
        ...(cell !== undefined && { cell }),
        ...(newServer !== undefined && { newServer }),
        ...(reason !== undefined && { reason }),
      };
      await startOperation(context, command, `${pathOf(id)}/tier`, { method: "POST", body }, wait === true);
    });

  for (const [name, verb, description] of [
    ["rollback", "rollback", "move a tenant back to the home that it came from, in the grace period"],
    ["finish-move", "finish", "take away the home that a tenant has left; there is no way back then"],
  ] as const)
    tenant
      .command(`${name} <id>`)
      .description(description)
      .option("--reason <text>", "why, for the record")
      .option(...WAIT)
      .action(async (id: string, { reason, wait }: Omit<MoveOptions, "to">, command: Command) => {
        const body = reason === undefined ? {} : { reason };
        const path = `${pathOf(id)}/tier/${verb}`;
        await startOperation(context, command, path, { method: "POST", body }, wait === true);
      });
}

function pathOf(id: string): string {
  return `/v1/tenants/${segment(id)}`;
}
