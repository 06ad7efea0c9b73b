import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The project of all stacks; its stacks are fully named `organization/millwright/STACK` in the file backend. */
export const PROJECT = "millwright";

/** The folder of this repository. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** A state backend that outlives this machine. */
export interface BucketState {
  /** `s3://…`, as the CLI takes it. */
  readonly url: string;
  /** `awskms://…`: the key of the secrets in it. */
  readonly secretsProvider: string;
}

/** Where the engine keeps its things in `MILLWRIGHT_HOME`. */
export interface EngineLayout {
  /** The state backend, unless there is a bucket. */
  readonly state: string;
  /** The state backend; undefined: `state` is. */
  readonly bucket: BucketState | undefined;
  /** `Pulumi.yaml` and each stack's settings: what `npm run pulumi` works in. */
  readonly project: string;
  /** One folder per session, deleted after it. */
  readonly work: string;
  readonly passphraseFile: string;
  readonly pulumiHome: string;
  /** Our plugins, our Node and the CLI: first on the CLI's PATH. */
  readonly plugins: string;
  /** A `pulumi` for the user's shell that knows this installation. */
  readonly shell: string;
  /** Who drives which stack, and what was found out about plugins. */
  readonly records: string;
  /** Node's compile cache for the child, the plugins and the policy pack: a third of their start. */
  readonly compileCache: string;
}

/** @param home - absolute */
export function engineLayout(home: string, bucket?: BucketState): EngineLayout {
  const records = path.join(home, "engine");
  return {
    state: path.join(home, "state"),
    bucket,
    project: path.join(home, "project"),
    work: path.join(home, "work"),
    passphraseFile: path.join(home, "secrets", "passphrase"),
    pulumiHome: path.join(home, "pulumi"),
    plugins: path.join(home, "bin"),
    shell: path.join(home, "shell"),
    records,
    compileCache: path.join(records, "compile-cache"),
  };
}

/** Makes the folders and the passphrase; whatever is there stays. */
export async function makeLayout(layout: EngineLayout): Promise<void> {
  const { state, project, work, pulumiHome, plugins, shell, records, compileCache } = layout;
  const privateFolders = [state, project, work, path.dirname(layout.passphraseFile), records, compileCache];
  for (const folder of privateFolders) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const folder of [pulumiHome, plugins, shell]) await mkdir(folder, { recursive: true });
  await makePassphrase(layout.passphraseFile);
}

async function makePassphrase(file: string): Promise<void> {
  // link refuses to replace: a passphrase that is lost makes every secret of the state unreadable
  const written = `${file}.${process.pid}`;
  await writeFile(written, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
  try {
    await link(written, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(written, { force: true });
  }
  await chmod(file, 0o600);
}

/**
 * The environment of every CLI of this installation: its backend, its passphrase (by file, never by value), its plugins,
 * and our own Node first, because plugins and the policy pack run the `node` of PATH.
 */
export function cliEnvironment(
  layout: EngineLayout,
  cliPath: string,
  inherited: Readonly<Record<string, string>>,
): Record<string, string> {
  const inheritedPath = inherited["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  return {
    ...inherited,
    PATH: [layout.plugins, path.dirname(cliPath), inheritedPath].join(path.delimiter),
    PULUMI_HOME: layout.pulumiHome,
    ...(layout.bucket === undefined
      ? { PULUMI_BACKEND_URL: `file://${layout.state}`, PULUMI_CONFIG_PASSPHRASE_FILE: layout.passphraseFile }
      : { PULUMI_BACKEND_URL: layout.bucket.url }),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NODE_COMPILE_CACHE: layout.compileCache,
  };
}
