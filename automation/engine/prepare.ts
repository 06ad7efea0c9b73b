import { homedir } from "node:os";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";
import { exclusively } from "../processes/lock-file.ts";
import { buildCli, buildLanguageHost, type Progress } from "./build-cli.ts";
import { ENGINE_VERSION } from "./cli.ts";
import { checkCli, findCliOnPath, isExecutable, isFound, type FailedWay, type FoundCli } from "./find-cli.ts";
import { installCli, isDownloadSiteReachable } from "./install-cli.ts";
import { engineLayout, makeLayout, type BucketState, type EngineLayout } from "./layout.ts";
import { writeProject } from "./project.ts";
import { preparePlugins, type PostgresqlPlugin } from "./plugins.ts";

/** A CLI with its plugins, ready to run our stacks. */
export interface PreparedEngine {
  readonly cli: FoundCli;
  readonly postgresqlPlugin: PostgresqlPlugin;
  readonly layout: EngineLayout;
  /** The variables that the CLI inherits of this process. */
  readonly inherited: Readonly<Record<string, string>>;
}

export interface PrepareOptions {
  /** `MILLWRIGHT_HOME`, absolute. */
  readonly home: string;
  /** `inheritedEnvironment()`: PATH to search, proxies, Go's settings. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Where the stacks' state is; left out, in a folder of `home`. */
  readonly bucket?: BucketState | undefined;
  /** One line for a person, at least every 10 s while something is downloaded or built. */
  readonly progress?: Progress;
  /** Whether the vendor's download site may be asked; by default it is tried once. */
  readonly canDownload?: () => Promise<boolean>;
}

const REMEDY =
  `Install the Pulumi CLI ${ENGINE_VERSION} or later from https://www.pulumi.com/docs/install/, ` +
  "or Go 1.24 or later from https://go.dev/dl/, and start again.";

/**
 * Finds or gets the engine: `pulumi` on PATH, the copy that an earlier start left, the official installation, a build
 * from Go modules; the first that works.
 * @throws MillwrightError `engine-missing`, or `engine-too-old` when all that could be had is an old CLI: both name each
 *   way that was tried, and the remedy
 */
export async function prepareEngine(options: PrepareOptions): Promise<PreparedEngine> {
  const { home, inherited, progress = () => undefined, canDownload = isDownloadSiteReachable } = options;
  const layout = engineLayout(home, options.bucket);
  await makeLayout(layout);
  await writeProject(layout);
  const cli = (await findEngine(options)).cli ?? (await obtainCli(layout, inherited, progress, canDownload));
  const postgresqlPlugin = await preparePlugins(layout, cli.path, inherited, canDownload);
  return { cli, postgresqlPlugin, layout, inherited };
}

/** What is there already, without getting or changing anything: for `doctor`. `reasons` says why others were passed by. */
export async function findEngine({
  home,
  inherited,
}: PrepareOptions): Promise<{ readonly cli: FoundCli | undefined; readonly reasons: readonly FailedWay[] }> {
  const { shell, plugins } = engineLayout(home);
  const onPath = await findCliOnPath(inherited["PATH"] ?? "", [shell, plugins]);
  if (isFound(onPath)) return { cli: onPath, reasons: [] };
  const cached = await checkCli(path.join(engineCache(inherited), "bin", "pulumi"), "cache");
  return isFound(cached)
    ? { cli: cached, reasons: [onPath] }
    : { cli: undefined, reasons: [onPath, { reason: "no copy of an earlier start" }] };
}

/** Makes sure that `pulumi preview` and `up` typed by a person can run our programs, not only the service. */
export async function prepareLanguageHost(
  { cli, inherited }: PreparedEngine,
  progress: Progress,
): Promise<void> {
  const folders = [path.dirname(cli.path), ...(inherited["PATH"] ?? "").split(path.delimiter)];
  const present = await Promise.all(folders.map((folder) => isExecutable(path.join(folder, LANGUAGE_HOST))));
  if (present.includes(true)) return;
  const folder = path.join(engineCache(inherited), "bin");
  const failed = await exclusively(
    `${engineCache(inherited)}.lock`,
    () => buildLanguageHost(folder, inherited, progress),
    waitingFor(progress),
  );
  if (failed !== undefined)
    throw new MillwrightError("engine-missing", `No ${LANGUAGE_HOST} was found; ${failed.reason}. ${REMEDY}`);
}

const LANGUAGE_HOST = "pulumi-language-nodejs";

/** Outside the work tree and keyed by version: a fresh clone finds it again. */
export function engineCache(inherited: Readonly<Record<string, string>>): string {
  const cache = inherited["XDG_CACHE_HOME"] ?? path.join(inherited["HOME"] ?? homedir(), ".cache");
  return path.join(cache, "millwright", "engine", `v${ENGINE_VERSION}`);
}

async function obtainCli(
  layout: EngineLayout,
  inherited: Readonly<Record<string, string>>,
  progress: Progress,
  canDownload: () => Promise<boolean>,
): Promise<FoundCli> {
  const root = engineCache(inherited);
  const obtain = async () => {
    // Again under the lock: whoever held it may have made the copy meanwhile.
    const { cli, reasons } = await findEngine({ home: path.dirname(layout.state), inherited });
    if (cli !== undefined) return cli;
    const ways = [...reasons];
    const waysLeft = [
      () => installOfficially(root, inherited, progress, canDownload),
      () => buildCli(root, inherited, progress),
    ];
    for (const way of waysLeft) {
      const outcome = await way();
      if (isFound(outcome)) return outcome;
      ways.push(outcome);
    }
    const code = ways.some(({ isTooOld }) => isTooOld) ? "engine-too-old" : "engine-missing";
    const tried = ways.map(({ reason }) => reason).join("; ");
    throw new MillwrightError(
      code,
      `No usable Pulumi engine (${ENGINE_VERSION} or later): ${tried}. ${REMEDY}`,
    );
  };
  return exclusively(`${root}.lock`, obtain, waitingFor(progress));
}

async function installOfficially(
  root: string,
  inherited: Readonly<Record<string, string>>,
  progress: Progress,
  canDownload: () => Promise<boolean>,
): Promise<FoundCli | FailedWay> {
  if (!(await canDownload())) return { reason: "the vendor's download site cannot be reached" };
  const startedAt = performance.now();
  const say = () =>
    progress(`Installing Pulumi ${ENGINE_VERSION}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  say();
  const timer = setInterval(say, 5_000);
  try {
    return await installCli(root, inherited);
  } finally {
    clearInterval(timer);
  }
}

function waitingFor(progress: Progress): (ownerPid: number, waitedMs: number) => void {
  let saidAt = -Infinity;
  return (ownerPid, waitedMs) => {
    if (waitedMs - saidAt < 5_000) return;
    saidAt = waitedMs;
    progress(`Waiting for process ${ownerPid}, which gets the engine: ${Math.round(waitedMs / 1_000)} s`);
  };
}
