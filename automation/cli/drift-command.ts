import type { Command } from "commander";
import { driftEnvelope, driftList, type DriftAnswer } from "./answers.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { table } from "./output.ts";

export function addDriftCommand(program: Command, context: CommandContext): void {
  program
    .command("drift [tenant]")
    .description("what differs in the stacks from what was made, as the last nightly look found it")
    .option("--now", "look at the tenant's stack now, which takes some seconds")
    .action(async (tenant: string | undefined, { now }: { readonly now?: boolean }, command: Command) => {
      if (tenant === undefined) {
        if (now === true) command.error("error: --now goes with a tenant");
        const page = await call(context, driftList, "/v1/drift", { query: { limit: "1000" } });
        show(context, command, page, () => stackTable(page.stacks));
        return;
      }
      const method = now === true ? "POST" : "GET";
      const path = `/v1/tenants/${segment(tenant)}/drift`;
      const answer = await call(context, driftEnvelope, path, { method, isRepeatable: true });
      show(context, command, answer, () =>
        answer.drift === null ? "Not looked at yet; --now looks." : differenceTable(answer.drift),
      );
    });
}

function stackTable(stacks: readonly DriftAnswer[]): string {
  return table(
    ["STACK", "STATUS", "DIFFERENCES", "CHECKED", "ERROR"],
    stacks.map((one) => [one.stack, one.status, one.differences.length, one.checkedAt, one.error]),
  );
}

function differenceTable({ status, checkedAt, error, differences }: DriftAnswer): string {
  const head = `${status} at ${checkedAt}${error == null ? "" : `: ${error}`}`;
  if (differences.length === 0) return head;
  const rows = differences.flatMap(({ urn, kind, properties }) => {
    const resource = urn.split("::").slice(-2).join(" ").split("$").at(-1);
    return kind === "gone"
      ? [[resource, "gone"]]
      : properties.map(({ name, expected, found }) => [resource, name, expected, found]);
  });
  return `${head}\n${table(["RESOURCE", "PROPERTY", "EXPECTED", "FOUND"], rows)}`;
}
