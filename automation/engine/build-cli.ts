import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_VERSION, runProgram, type CliResult } from "./cli.ts";
import { checkCli, isExecutable, type FailedWay, type FoundCli } from "./find-cli.ts";

const CLI_MODULE = fileURLToPath(new URL("go/", import.meta.url));
const LANGUAGE_HOST_MODULE = fileURLToPath(new URL("go/language-host/", import.meta.url));
const CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3";
// v3.59.0: later ones are modules of their own that the Go proxy does not serve. It runs a program on Node 24 under
// the pinned CLI (stacks/ with `typescript: false`), and only `pulumi up` as typed by a person needs it.
const LANGUAGE_HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs";

const BUILD_LIMIT_MS = 20 * 60_000;
const PROGRESS_EVERY_MS = 5_000;

export type Progress = (line: string) => void;

/**
 * Builds the CLI from Go modules (about 3 min on 2 cores, 1 GB of Go caches) into `root/bin`. Checksums are pinned in
 * go.sum. Built beside and renamed into place: a kill leaves nothing half made.
 */
export async function buildCli(
  root: string,
  env: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<FoundCli | FailedWay> {
  if (!(await hasGo(env))) return { reason: "Go is not installed, so it cannot be built either" };
  const building = `${root}.building-${process.pid}`;
  const bin = path.join(building, "bin");
  try {
    await mkdir(bin, { recursive: true });
    // Without -X the CLI calls itself by another version, which the Automation API cannot read.
    const flags = `-s -w -X ${SDK_MODULE}/go/common/version.Version=v${ENGINE_VERSION}`;
    const target = path.join(bin, "pulumi");
    const built = await goBuild(CLI_MODULE, CLI_PACKAGE, target, flags, env, progress);
    if (built.code !== 0) return { reason: `building it from Go modules failed: ${lastLine(built)}` };
    const scripts = await go(["list", "-m", "-f", "{{.Dir}}", SDK_MODULE], CLI_MODULE, env);
    for (const name of ["pulumi-analyzer-policy", "pulumi-resource-pulumi-nodejs"]) {
      await copyFile(path.join(scripts.stdout.trim(), "nodejs", "dist", name), path.join(bin, name));
      await chmod(path.join(bin, name), 0o755);
    }
    await rm(root, { recursive: true, force: true });
    await rename(building, root);
    return await checkCli(path.join(root, "bin", "pulumi"), "built");
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** Builds `pulumi-language-nodejs` into `folder` unless it is there. */
export async function buildLanguageHost(
  folder: string,
  env: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<FailedWay | undefined> {
  const file = path.join(folder, "pulumi-language-nodejs");
  if (await isExecutable(file)) return undefined;
  if (!(await hasGo(env))) return { reason: "Go is not installed" };
  const building = `${file}.building-${process.pid}`;
  try {
    await mkdir(folder, { recursive: true });
    const built = await goBuild(
      LANGUAGE_HOST_MODULE,
      LANGUAGE_HOST_PACKAGE,
      building,
      "-s -w",
      env,
      progress,
    );
    if (built.code !== 0) return { reason: `building it failed: ${lastLine(built)}` };
    await rename(building, file);
    return undefined;
  } finally {
    await rm(building, { force: true });
  }
}

async function goBuild(
  module: string,
  packageName: string,
  target: string,
  linkerFlags: string,
  env: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<CliResult> {
  const name = path.basename(packageName);
  const startedAt = performance.now();
  let downloads = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    progress(`Building ${name} from Go modules: ${seconds} s, ${downloads} modules downloaded (about 3 min)`);
  }, PROGRESS_EVERY_MS);
  try {
    const args = ["build", "-mod=readonly", "-trimpath", "-ldflags", linkerFlags, "-o", target, packageName];
    return await go(args, module, env, (line) => {
      if (line.startsWith("go: downloading")) downloads += 1;
    });
  } finally {
    clearInterval(timer);
  }
}

function go(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  onLine?: (line: string) => void,
): Promise<CliResult> {
  // CGO off: the same build with and without a C compiler.
  const call = { cwd, env: { ...env, CGO_ENABLED: "0", GOWORK: "off" }, limitMs: BUILD_LIMIT_MS };
  return runProgram("go", args, onLine === undefined ? call : { ...call, onLine });
}

async function hasGo(env: Readonly<Record<string, string>>): Promise<boolean> {
  return runProgram("go", ["version"], { env, limitMs: 20_000 }).then(
    ({ code }) => code === 0,
    () => false,
  );
}

function lastLine({ stderr }: CliResult): string {
  return stderr.trim().split("\n").at(-1) ?? "no message";
}
