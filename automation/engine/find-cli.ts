import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import path from "node:path";
import { isUsableVersion, runProgram } from "./cli.ts";

/** A Pulumi CLI that can run our programs. */
export interface FoundCli {
  readonly path: string;
  /** Without the leading `v`. */
  readonly version: string;
  readonly source: "path" | "cache" | "official" | "built";
}

/** One way to a CLI that led nowhere, in words for a person. */
export interface FailedWay {
  readonly reason: string;
  readonly isTooOld?: boolean;
}

export function isFound(way: FoundCli | FailedWay): way is FoundCli {
  return "path" in way;
}

/** @param ignoredFolders - of PATH: our own links and wrappers lie there */
export async function findCliOnPath(
  pathVariable: string,
  ignoredFolders: readonly string[],
): Promise<FoundCli | FailedWay> {
  for (const folder of pathVariable.split(path.delimiter)) {
    const file = path.join(folder, "pulumi");
    if (folder === "" || ignoredFolders.includes(folder) || !(await isExecutable(file))) continue;
    return checkCli(file, "path", pathVariable);
  }
  return { reason: "no `pulumi` on PATH" };
}

/** Whether the CLI at `file` answers, is new enough, and has the policy plugin that every run of ours needs. */
export async function checkCli(
  file: string,
  source: FoundCli["source"],
  pathVariable = "",
): Promise<FoundCli | FailedWay> {
  if (!(await isExecutable(file))) return { reason: `${file} is not there` };
  const env = { PULUMI_SKIP_UPDATE_CHECK: "true", PATH: pathVariable, HOME: "/nonexistent" };
  const answer = await runProgram(file, ["version"], { env, limitMs: 20_000 }).catch(
    (error: unknown) => error,
  );
  if (answer instanceof Error) return { reason: `${file} does not run: ${answer.message}` };
  const { code, stdout } = answer as { code: number | null; stdout: string };
  const version = stdout.trim().replace(/^v/, "");
  if (code !== 0) return { reason: `${file} does not answer to \`pulumi version\`` };
  if (!isUsableVersion(version)) {
    return {
      reason: `${file} is version ${version || "unknown"}, too old or of another line`,
      isTooOld: true,
    };
  }
  const folders = [
    path.dirname(file),
    path.dirname(await realpath(file)),
    ...pathVariable.split(path.delimiter),
  ];
  const withPolicy = await Promise.all(
    folders.map((folder) => isExecutable(path.join(folder, "pulumi-analyzer-policy"))),
  );
  if (!withPolicy.includes(true))
    return { reason: `${file} lacks pulumi-analyzer-policy, so it cannot check policies` };
  return { path: file, version, source };
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
