import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";
import { writeWhole } from "../../data/whole-file.ts";
import { PROJECT, REPOSITORY, type EngineLayout } from "./layout.ts";

/** The program of every stack, when a session names no other: exports `program`. */
export const DEFAULT_PROGRAM = path.join(REPOSITORY, "stacks", "program.ts");
/** The same for the command line, which wants it as a default export. */
const COMMAND_LINE_PROGRAM = path.join(REPOSITORY, "stacks", "index.ts");

/** `Pulumi.STACK.yaml`: what the CLI reads beside `Pulumi.yaml`. Secrets in it are encrypted, by the passphrase or by the provider. */
export interface StackSettings {
  readonly encryptionsalt?: string;
  readonly secretsprovider?: string;
  /** Of the secrets provider: the stack's own key, encrypted by its. */
  readonly encryptedkey?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Node 24 runs .ts itself, so the language host must not bring a compiler of its own. */
export function projectFile(program: string): string {
  const runtime = { name: "nodejs", options: { typescript: false } };
  return stringify({ name: PROJECT, description: "Stacks of Millwright.", runtime, main: program });
}

/** The project that `npm run pulumi` works in: the same program, settings and state as the service's sessions. */
export async function writeProject(layout: EngineLayout): Promise<void> {
  await writeWhole(path.join(layout.project, "Pulumi.yaml"), projectFile(COMMAND_LINE_PROGRAM));
}

export function settingsFile(folder: string, stack: string): string {
  return path.join(folder, `Pulumi.${stack}.yaml`);
}

/** undefined when the stack has none yet. */
export async function readSettings(folder: string, stack: string): Promise<StackSettings | undefined> {
  const text = await readFile(settingsFile(folder, stack), "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : ((parse(text) as StackSettings | null) ?? {});
}

export async function writeSettings(folder: string, stack: string, settings: StackSettings): Promise<void> {
  await writeWhole(settingsFile(folder, stack), stringify(settings), 0o600);
}

export function hasState(state: string, stack: string): boolean {
  return existsSync(stateFile(state, stack));
}

export function stateFile(state: string, stack: string): string {
  return path.join(state, ".pulumi", "stacks", PROJECT, `${stack}.json`);
}

/** Removes what the CLI leaves of a removed stack: settings, backups and history hold names and encrypted secrets. */
export async function removeTraces(
  layout: Pick<EngineLayout, "project" | "state">,
  stack: string,
): Promise<void> {
  const bookkeeping = path.join(layout.state, ".pulumi");
  const file = stateFile(layout.state, stack);
  const files = [
    file,
    `${file}.attrs`,
    `${file}.bak`,
    `${file}.bak.attrs`,
    settingsFile(layout.project, stack),
  ];
  const folders = ["backups", "history"].map((kind) => path.join(bookkeeping, kind, PROJECT, stack));
  for (const name of [...files, ...folders]) await rm(name, { recursive: true, force: true });
}
