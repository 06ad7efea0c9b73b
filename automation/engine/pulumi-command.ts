import { existsSync } from "node:fs";
import path from "node:path";
import { inheritedEnvironment, readSettings, shellEnvironment } from "../../environment.ts";
import { MillwrightError } from "../../model/errors.ts";
import { cliEnvironment, REPOSITORY, type EngineLayout } from "./layout.ts";
import { quote } from "./plugins.ts";
import { prepareEngine, prepareLanguageHost, type PreparedEngine } from "./prepare.ts";

/**
 * `npm run pulumi -- ARGS`: Pulumi as a person types it, on the stacks of this installation, with the settings, state,
 * plugins and policy of the service's own sessions. `env` prints exports after which a plain `pulumi` is this command,
 * wherever it is called.
 */
const POLICY_PACK = path.join(REPOSITORY, "dist", "policy");

const GATED = new Set(["preview", "pre", "up", "update"]);
/** Flags that may stand before the command and take the next argument. */
const VALUED = new Set([
  "-C",
  "--cwd",
  "-s",
  "--stack",
  "--color",
  "-v",
  "--verbose",
  "--tracing",
  "--profiling",
]);

/** The arguments with the policy pack that the service uses, unless another one is named. */
function withPolicyPack(args: readonly string[]): readonly string[] {
  const command = args.find((arg, index) => !arg.startsWith("-") && !VALUED.has(args[index - 1] ?? ""));
  const isGated = command !== undefined && GATED.has(command);
  if (!isGated || args.some((arg) => arg.startsWith("--policy-pack") || arg === "--help" || arg === "-h"))
    return args;
  if (!existsSync(path.join(POLICY_PACK, "PulumiPolicy.yaml"))) {
    const message = "The policy pack is not built, and nothing is deployed without it: run `npm run build`.";
    throw new MillwrightError("engine-failed", message);
  }
  return [...args, "--policy-pack", POLICY_PACK];
}

/** What `env` prints: `pulumi` found first is our wrapper, and the real one finds backend and passphrase too. */
function exportLines({ layout, cli, inherited }: PreparedEngine, home: string): string {
  const variables = cliEnvironment(layout, cli.path, { PATH: inherited["PATH"] ?? "" });
  const searched = [layout.shell, variables["PATH"] ?? ""].join(path.delimiter);
  const exported = { ...variables, MILLWRIGHT_HOME: home, PATH: searched };
  return Object.entries(exported)
    .map(([name, value]) => `export ${name}=${quote(value)}`)
    .join("\n");
}

/** Becomes the CLI: signals, terminal and exit code are its own, and no Node waits beside it. */
function becomeCli(
  layout: EngineLayout,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): void {
  const cli = path.join(layout.plugins, "pulumi");
  process.chdir(layout.project);
  process.execve?.(cli, [cli, ...args], env);
}

try {
  const args = process.argv.slice(2);
  const { home } = readSettings();
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const prepared = await prepareEngine({ home, inherited: inheritedEnvironment(), progress });
  await prepareLanguageHost(prepared, progress);
  if (args[0] === "env") process.stdout.write(`${exportLines(prepared, home)}\n`);
  else {
    const env = cliEnvironment(prepared.layout, prepared.cli.path, shellEnvironment());
    becomeCli(prepared.layout, env, withPolicyPack(args));
  }
} catch (error) {
  if (!(error instanceof MillwrightError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
