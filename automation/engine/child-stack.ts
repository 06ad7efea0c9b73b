import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";
import { isUnknownStack, runProgram, type CliResult } from "./cli.ts";
import { PROJECT } from "./layout.ts";
import type { SessionSetup } from "./messages.ts";
import {
  hasState,
  projectFile,
  readSettings,
  removeTraces,
  writeSettings,
  type StackSettings,
} from "./project.ts";

/** What the child does with a stack by plain CLI calls: this loads no SDK, so it runs while the SDK is being loaded. */

/** Makes the stack unless it is there, and gives it exactly the config of this session. */
export async function prepareStack(setup: SessionSetup): Promise<void> {
  const { stack, workFolder, projectFolder } = setup;
  await writeFile(path.join(workFolder, "Pulumi.yaml"), projectFile(setup.programModule));
  const known = await readSettings(projectFolder, stack);
  await writeSettings(workFolder, stack, { ...encryptionOf(setup, known), config: setup.plainConfig });
  if (!(await isMade(setup))) {
    const provider = setup.bucket === undefined ? [] : ["--secrets-provider", setup.bucket.secretsProvider];
    await mustRun(setup, ["stack", "init", stack, "--no-select", ...provider]);
  }
  for (const [key, value] of Object.entries(setup.secretConfig)) {
    // By standard input: the Automation API would put the value into argv, for every user of the machine to read.
    await mustRun(setup, ["config", "set", key, "--secret", "--stack", stack], value);
  }
  await publishSettings(setup);
}

/**
 * How the secrets of the stack's settings are encrypted. A provider makes another key for settings that have none, as on a
 * machine that sees the stack for the first time; what the state holds is read by the key that the state itself names.
 */
function encryptionOf({ bucket }: SessionSetup, known: StackSettings | undefined): StackSettings {
  if (bucket === undefined)
    return known?.encryptionsalt === undefined ? {} : { encryptionsalt: known.encryptionsalt };
  const isSame = known?.secretsprovider === bucket.secretsProvider && known.encryptedkey !== undefined;
  return { secretsprovider: bucket.secretsProvider, ...(isSame ? { encryptedkey: known.encryptedkey } : {}) };
}

/** A state file says it at once; a bucket is asked by the CLI, which takes a second. */
export async function isMade(setup: SessionSetup): Promise<boolean> {
  if (setup.bucket === undefined) return hasState(setup.stateFolder, setup.stack);
  // By its full name: the work folder may have no project yet.
  const name = `organization/${PROJECT}/${setup.stack}`;
  const result = await runCli(setup, ["stack", "export", "--stack", name]);
  if (isUnknownStack(result)) return false;
  if (result.code === 0) return true;
  throw failed("stack export", result);
}

/** For a run that no program and no config takes part in: the settings as the last `up` left them. */
export async function openPublished(setup: SessionSetup) {
  const { stack, workFolder, projectFolder, programModule } = setup;
  await writeFile(path.join(workFolder, "Pulumi.yaml"), projectFile(programModule));
  const settings = (await readSettings(projectFolder, stack)) ?? encryptionOf(setup, undefined);
  await writeSettings(workFolder, stack, settings);
}

/** Gives the settings to `npm run pulumi`, whole: a half-configured stack must not be deployed by hand. */
export async function publishSettings({ stack, workFolder, projectFolder }: SessionSetup): Promise<void> {
  const settings = await readSettings(workFolder, stack);
  if (settings !== undefined) await writeSettings(projectFolder, stack, settings);
}

/** Removes an empty stack, with its history and settings. */
export async function removeStack(setup: SessionSetup): Promise<void> {
  const { stack } = setup;
  if (await isMade(setup)) await mustRun(setup, ["stack", "rm", stack, "--yes"]);
  await removeTraces({ project: setup.projectFolder, state: setup.stateFolder }, stack);
}

/** The stack's outputs as the state has them, decrypted. */
export async function stackOutputs(setup: SessionSetup): Promise<Readonly<Record<string, unknown>>> {
  const args = ["stack", "output", "--json", "--show-secrets", "--stack", setup.stack];
  const { stdout } = await mustRun(setup, args);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The state with its secrets in plain text, for redaction only; undefined when it cannot be had. */
export async function exportWithSecrets(setup: SessionSetup): Promise<unknown> {
  if (!(await isMade(setup))) return {};
  const { code, stdout } = await runCli(setup, ["stack", "export", "--show-secrets", "--stack", setup.stack]);
  return code === 0 ? (JSON.parse(stdout) as unknown) : undefined;
}

/** The passphrase itself is a secret that must not show in a message; undefined where a provider encrypts. */
export async function passphraseOf({ bucket, passphraseFile }: SessionSetup): Promise<string | undefined> {
  return bucket === undefined ? (await readFile(passphraseFile, "utf8")).trim() : undefined;
}

async function mustRun(setup: SessionSetup, args: readonly string[], input?: string): Promise<CliResult> {
  const result = await runCli(setup, args, input);
  if (result.code === 0) return result;
  // As the SDK does for the runs themselves: the CLI has no exit code of its own for it.
  if (result.stderr.includes("the stack is currently locked"))
    throw new MillwrightError("stack-locked", "Another update of this stack is running.", {
      retryable: true,
    });
  throw failed(args.slice(0, 2).join(" "), result);
}

function failed(command: string, { stderr }: CliResult): MillwrightError {
  const detail = stderr.trim().split("\n").at(-1) ?? "";
  return new MillwrightError("engine-failed", `\`pulumi ${command}\` failed: ${detail}`);
}

function runCli(setup: SessionSetup, args: readonly string[], input?: string): Promise<CliResult> {
  const call = { cwd: setup.workFolder, env: setup.environment };
  return runProgram(
    setup.cliPath,
    [...args, "--non-interactive"],
    input === undefined ? call : { ...call, input },
  );
}
