import { chmod, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { writeWhole } from "../../data/whole-file.ts";
import { runProgram } from "./cli.ts";
import { cliEnvironment, REPOSITORY, type EngineLayout } from "./layout.ts";

/** Whose plugin creates roles, schemas and grants: the vendor's, or ours where theirs cannot be had. */
export type PostgresqlPlugin = "official" | "substitute";

const DOWNLOAD_LIMIT_MS = 120_000; // about 15 MB

/**
 * Makes our plugins executable for the CLI and decides whose postgresql plugin is used. The decision is tried once per
 * version and then kept: a second start asks no network, and a stack does not change hands by chance.
 */
export async function preparePlugins(
  layout: EngineLayout,
  cliPath: string,
  inherited: Readonly<Record<string, string>>,
  canDownload: () => Promise<boolean>,
): Promise<PostgresqlPlugin> {
  await link(cliPath, path.join(layout.plugins, "pulumi"));
  await link(process.execPath, path.join(layout.plugins, "node"));
  await writeScript(
    path.join(layout.shell, "pulumi"),
    path.join(REPOSITORY, "automation/engine/pulumi-command.ts"),
  );
  await writePluginScript(layout, "millwright");
  const version = postgresqlVersion();
  const recordFile = path.join(layout.records, "postgresql-plugin.json");
  const record = await readRecord(recordFile);
  const plugin =
    record?.version === version
      ? record.plugin
      : // Asked first: the CLI itself tries five times before it gives up, which takes 10 s.
        (await canDownload()) && (await installOfficial(layout, cliPath, inherited, version))
        ? "official"
        : "substitute";
  if (plugin === "substitute") await writePluginScript(layout, "postgresql");
  else await rm(path.join(layout.plugins, "pulumi-resource-postgresql"), { force: true });
  await writeWhole(recordFile, JSON.stringify({ version, plugin }));
  return plugin;
}

async function installOfficial(
  layout: EngineLayout,
  cliPath: string,
  inherited: Readonly<Record<string, string>>,
  version: string,
): Promise<boolean> {
  const args = ["plugin", "install", "resource", "postgresql", version];
  const env = cliEnvironment(layout, cliPath, inherited);
  const { code } = await runProgram(cliPath, args, { env, limitMs: DOWNLOAD_LIMIT_MS });
  return code === 0;
}

/** The plugin has the version of its SDK. */
function postgresqlVersion(): string {
  const { version } = createRequire(import.meta.url)("@pulumi/postgresql/package.json") as {
    version: string;
  };
  return version.replace(/^v/, "");
}

async function readRecord(file: string): Promise<{ version: string; plugin: PostgresqlPlugin } | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { version: string; plugin: PostgresqlPlugin });
}

/** The CLI wants an executable of this name on PATH. */
async function writePluginScript(layout: EngineLayout, name: string): Promise<void> {
  const program = path.join(REPOSITORY, "providers", name, "main.ts");
  await writeScript(path.join(layout.plugins, `pulumi-resource-${name}`), program);
}

/** Ours are TypeScript, which our Node runs as it is. */
async function writeScript(file: string, program: string): Promise<void> {
  await writeWhole(file, `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(program)} "$@"\n`, 0o755);
  await chmod(file, 0o755); // whatever the umask took away
}

/**
 * The CLI puts its own folder first on PATH. Called by a link in ours, that folder is ours, so the policy pack and the
 * plugins run our Node and not an older one that lies beside the CLI.
 */
async function link(target: string, file: string): Promise<void> {
  const made = `${file}.${process.pid}`;
  await rm(made, { force: true });
  await symlink(target, made);
  await rename(made, file);
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
