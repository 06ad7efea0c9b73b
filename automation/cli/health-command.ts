import type { Command } from "commander";
import { healthEnvelope, type HealthAnswer } from "./answers.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { figure, table } from "./output.ts";

/** @param tenant - the command that this one becomes a part of */
export function addHealthCommand(tenant: Command, context: CommandContext): void {
  tenant
    .command("health <id>")
    .description("how a tenant is; exit 1 when something is degraded or down")
    .action(async (id: string, _options: object, command: Command) => {
      const answer = await call(context, healthEnvelope, `/v1/tenants/${segment(id)}/health`);
      const { health } = answer;
      show(context, command, answer, () => healthText(health));
      if (health.status === "degraded" || health.status === "down") context.failed();
    });
}

function healthText({ tenant, status, at, parts }: HealthAnswer): string {
  const rows = Object.entries(parts).map(([name, part]) => [
    NAMES[name] ?? name,
    part.status,
    said(name, part),
  ]);
  return `${tenant} is ${status} at ${at}\n${table(["PART", "STATUS", ""], rows)}`;
}

const NAMES: Readonly<Record<string, string>> = { dataPath: "data path" };

type Parts = HealthAnswer["parts"];

/** The reason where there is one, else the one fact that a person looks for. */
function said(name: string, { reason, facts }: Parts[keyof Parts]): string {
  if (reason != null) return reason;
  const has = (key: string) => facts?.[key];
  switch (name) {
    case "dataPath":
      return typeof has("lastStoredAt") === "string"
        ? `stored up to ${String(has("lastStoredAt"))}`
        : "nothing stored yet";
    case "placement":
      return `${String(has("cell"))}, epoch ${String(has("epoch"))}`;
    case "disk":
      return `${figure(Number(has("freeBytes")))} bytes free`;
    default:
      return "";
  }
}
