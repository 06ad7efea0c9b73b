import { InvalidArgumentError, Option, type Command } from "commander";
import { TENANT_ROLES } from "../../model/role.ts";
import { TIERS, TOPIC_KINDS } from "../../model/tenant.ts";
import { keyEnvelope, tenantEnvelope, tenantList, type TenantAnswer } from "./answers.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { addHealthCommand } from "./health-command.ts";
import { addMoveCommands } from "./move-commands.ts";
import { facts, table } from "./output.ts";
import { startOperation } from "./start-operation.ts";

interface CreateOptions {
  readonly name?: string;
  readonly tier: string;
  readonly topic?: string;
  readonly machines: number;
  readonly budget?: number;
  readonly contact: readonly string[];
  readonly wait?: boolean;
}

interface RestoreOptions {
  readonly to: string;
  readonly confirm: string;
  readonly reason?: string;
  readonly wait?: boolean;
}

export function addTenantCommands(program: Command, context: CommandContext): void {
  const tenant = program.command("tenant").description("make, list, show, move and delete tenants");

  tenant
    .command("create <id>")
    .description("make a tenant; its operation can be followed")
    .option("--name <name>", "name for people (default: the id)")
    .addOption(new Option("--tier <tier>").choices(TIERS).default("shared"))
    .addOption(new Option("--topic <kind>", "of its readings").choices(TOPIC_KINDS))
    .requiredOption("--machines <count>", "how many machines it will have", wholeNumber)
    .option("--budget <usd>", "budget in USD per month", amount)
    .option("--contact <email...>", "whom to tell", [])
    .option("--wait", "follow the operation until it ends; exit 1 when it fails")
    .action(async (id: string, options: CreateOptions, command: Command) => {
      const body = {
        id,
        name: options.name ?? id,
        tier: options.tier,
        ...(options.topic === undefined ? {} : { topic: options.topic }),
        machines: options.machines,
        ...(options.budget === undefined ? {} : { budgetUsdPerMonth: options.budget }),
        ...(options.contact.length === 0 ? {} : { contacts: options.contact.map((email) => ({ email })) }),
      };
      await startOperation(context, command, "/v1/tenants", { method: "POST", body }, options.wait === true);
    });

  tenant
    .command("list")
    .description("all tenants")
    .action(async (_options: object, command: Command) => {
      const tenants: TenantAnswer[] = [];
      let cursor: string | undefined;
      do {
        const page = await call(context, tenantList, "/v1/tenants", { query: { cursor } });
        tenants.push(...page.tenants);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      show(context, command, { tenants }, () =>
        table(
          ["ID", "NAME", "TIER", "STATE", "MACHINES", "CREATED"],
          tenants.map((one) => [one.id, one.name, one.tier, one.state, one.machines, one.createdAt]),
        ),
      );
    });

  tenant
    .command("show <id>")
    .description("one tenant")
    .action(async (id: string, _options: object, command: Command) => {
      const answer = await call(context, tenantEnvelope, `/v1/tenants/${segment(id)}`);
      show(context, command, answer, () => tenantFacts(answer.tenant));
    });

  addHealthCommand(tenant, context);

  tenant
    .command("delete <id>")
    .description("delete a tenant with all its readings; there is no way back")
    .requiredOption("--confirm <id>", "the tenant's id once more")
    .option("--wait", "follow the operation until it ends; exit 1 when it fails")
    .action(async (id: string, options: { confirm: string; wait?: boolean }, command: Command) => {
      const deletion = { method: "DELETE" as const, body: { confirm: options.confirm } };
      await startOperation(context, command, `/v1/tenants/${segment(id)}`, deletion, options.wait === true);
    });

  tenant
    .command("rotate <id>")
    .description("give a tenant's database logins new passwords, while it writes and reads")
    .option("--reason <text>", "why, for the record")
    .option("--wait", "follow the operation until it ends; exit 1 when it fails")
    .action(async (id: string, options: { reason?: string; wait?: boolean }, command: Command) => {
      const { reason } = options;
      const request = { method: "POST" as const, body: reason === undefined ? {} : { reason } };
      const path = `/v1/tenants/${segment(id)}/rotate`;
      await startOperation(context, command, path, request, options.wait === true);
    });

  tenant
    .command("restore <id>")
    .description(
      "take a tenant's own database back to an earlier state; readings since come again from the log",
    )
    .requiredOption("--to <time>", "2026-11-22T02:00:00Z, or latest: the newest state in the archive")
    .requiredOption("--confirm <id>", "the tenant's id once more")
    .option("--reason <text>", "why, for the record")
    .option("--wait", "follow the operation until it ends; exit 1 when it fails")
    .action(async (id: string, options: RestoreOptions, command: Command) => {
      const { to, confirm, reason, wait } = options;
      const body = { to, confirm, ...(reason === undefined ? {} : { reason }) };
      const path = `/v1/tenants/${segment(id)}/restore`;
      await startOperation(context, command, path, { method: "POST", body }, wait === true);
    });

  addMoveCommands(tenant, context);
}

export function addKeyCommands(program: Command, context: CommandContext): void {
  const key = program.command("key").description("make keys for machines and people of a tenant");
  key
    .command("create <tenant>")
    .description("make a key; its secret is shown once")
    .addOption(new Option("--role <role>").choices(TENANT_ROLES).default("machine"))
    .requiredOption("--label <label>", "what it is for, such as 'line 1'")
    .option("--machine <id>", "the only machine that may use it, with the role machine")
    .action(
      async (id: string, options: { role: string; label: string; machine?: string }, command: Command) => {
        const path = `/v1/tenants/${segment(id)}/keys`;
        const { role, label, machine } = options;
        const body = { role, label, ...(machine !== undefined && { machineId: machine }) };
        // No idempotency key: the answer holds a secret that the service does not keep, so it cannot be given twice.
        const answer = await call(context, keyEnvelope, path, { method: "POST", body });
        show(context, command, answer, () => {
          const { id: keyId, secret } = answer.key;
          return `${facts([
            ["key", keyId],
            ["secret", secret],
          ])}\nThe secret is not shown again.`;
        });
      },
    );
}

function tenantFacts(tenant: TenantAnswer): string {
  return facts([
    ["id", tenant.id],
    ["name", tenant.name],
    ["tier", tenant.tier],
    ["state", tenant.state],
    ["database", tenant.placement?.database],
    ["schema", tenant.placement?.schema],
    ["machines", tenant.machines],
    ["budget, USD/month", tenant.budgetUsdPerMonth],
    ["created", tenant.createdAt],
  ]);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function amount(text: string): number {
  if (!/^\d{1,9}(\.\d+)?$/.test(text))
    throw new InvalidArgumentError("It must be an amount such as 1500 or 99.50.");
  return Number(text);
}
