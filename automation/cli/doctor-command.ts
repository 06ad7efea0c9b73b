import type { Command } from "commander";
import { show, type CommandContext } from "./context.ts";
import { table } from "./output.ts";

export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command("doctor")
    .description("say what is installed and what runs, and how to fix what is missing; changes nothing")
    .action(async (_options: object, command: Command) => {
      // Loaded when it is asked for: the database driver would double the start of every other command.
      const { examine } = await import("./doctor/examine.ts");
      const findings = await examine();
      show(context, command, { findings }, () => {
        const rows = findings.map(({ check, state, found }) => [check, state, found]);
        const remedies = findings.flatMap(({ check, remedy }) =>
          remedy === undefined ? [] : [`${check}: ${remedy}`],
        );
        return [table(["CHECK", "STATE", "FOUND"], rows), ...remedies].join("\n");
      });
      if (findings.some(({ state }) => state === "wrong")) context.failed();
    });
}
