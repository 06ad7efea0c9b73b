import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineEvent, StackConfig, StackSession } from "../../../automation/engine/engine.ts";
import type { BucketState, EngineLayout } from "../../../automation/engine/layout.ts";
import { prepareEngine } from "../../../automation/engine/prepare.ts";
import { pulumiEngine, type PulumiEngineOptions } from "../../../automation/engine/pulumi-engine.ts";
import { inheritedEnvironment } from "../../../environment.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { eventually } from "../../support/eventually.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

interface OpenOptions {
  readonly stack: string;
  /** Name → text, see files-program.ts. */
  readonly files: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly config?: StackConfig;
  readonly fencingToken?: bigint;
  readonly policyPackDir?: string;
  readonly onEvent?: (event: EngineEvent) => void;
  readonly signal?: AbortSignal;
  readonly limits?: PulumiEngineOptions["limits"];
}

type Open = (options: OpenOptions) => Promise<StackSession>;
export type TestEngine = Awaited<ReturnType<typeof openTestEngine>>;

/** The real engine in a folder of its own, deleted by `remove`. */
export async function testEngine(): Promise<TestEngine> {
  return openTestEngine(await mkdtemp(path.join(tmpdir(), "millwright-engine-")));
}

/** @param remote - a bucket for the state, and what reaches it */
export async function openTestEngine(
  folder: string,
  remote?: { readonly bucket: BucketState; readonly environment: Readonly<Record<string, string>> },
) {
  const home = path.join(folder, "home");
  const output = path.join(folder, "files");
  const released = path.join(output, "release");
  await mkdir(output, { recursive: true });
  const inherited = { ...inheritedEnvironment(), ...remote?.environment };
  const progress = (line: string) => console.error(line);
  const prepared = await prepareEngine({ home, inherited, progress, bucket: remote?.bucket });
  const { layout } = prepared;

  const sessions: StackSession[] = [];
  const open: Open = async ({
    stack,
    files,
    token,
    config,
    fencingToken = 1n,
    policyPackDir,
    limits,
    ...rest
  }) => {
    const secret: StackConfig = token === undefined ? {} : { "millwright:token": { secret: token } };
    const own = {
      "millwright:folder": output,
      "millwright:files": JSON.stringify(files),
      ...secret,
      ...config,
    };
    const engine = pulumiEngine({
      prepared,
      policyPackDir: policyPackDir ?? path.join(HERE, "policy-pack"),
      programModule: fileURLToPath(new URL("files-program.ts", import.meta.url)),
      ...(limits === undefined ? {} : { limits }),
    });
    const session = await engine.open({ stack, config: own, fencingToken, ...rest });
    sessions.push(session);
    return session;
  };
  const ignoreAbsence = () => undefined;
  return {
    folder,
    layout,
    open,
    /** Ends the sessions that a failed test left open, too. */
    remove: async () => {
      await Promise.all(sessions.map((session) => session.close()));
      await rm(folder, { recursive: true, force: true });
    },
    /** Names of the files that the program's resources wrote. */
    written: async () =>
      (await readdir(output)).filter((name) => !["release", "creates.log"].includes(name)).sort(),
    hold: () => rm(released, { force: true }),
    release: () => writeFile(released, ""),
    isCreating: (name: string) =>
      eventually(`create of ${name}`, async () => {
        const log = await readFile(path.join(output, "creates.log"), "utf8").catch(ignoreAbsence);
        return log?.includes(`/${name}\n`);
      }),
    recordOf: (stack: string) => readFile(path.join(layout.records, `${stack}.json`), "utf8"),
    pendingOperations: async (stack: string) => {
      const file = path.join(layout.state, ".pulumi", "stacks", "millwright", `${stack}.json`);
      const state = JSON.parse(await readFile(file, "utf8")) as {
        checkpoint: { latest: { pending_operations?: unknown[] } };
      };
      return state.checkpoint.latest.pending_operations ?? [];
    },
    locks: async (stack: string) => (await readdir(lockFolder(layout, stack)).catch(ignoreAbsence)) ?? [],
    /** Writes the lock that a CLI with this pid would hold, and says where. */
    lock: async (stack: string, pid: number) => {
      const file = path.join(lockFolder(layout, stack), "test.json");
      await mkdir(path.dirname(file), { recursive: true });
      const owner = { pid, username: userInfo().username, hostname: hostname(), timestamp: new Date() };
      await writeFile(file, JSON.stringify(owner));
      return file;
    },
    /** Files in the home whose path or content names the stack. */
    filesNaming: async (stack: string) => {
      const entries = await readdir(home, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
      const own = files.filter((file) => !file.startsWith(layout.compileCache));
      const naming = await Promise.all(
        own.map(async (file) => file.includes(stack) || (await readFile(file, "latin1")).includes(stack)),
      );
      return own.filter((_, index) => naming[index]).map((file) => path.relative(home, file));
    },
    /** Puts a recorder in front of the CLI: what it is called with is what every user of the machine could read. */
    recordArguments: async () => {
      const cli = path.join(layout.plugins, "pulumi");
      const log = path.join(folder, "arguments.log");
      await unlink(cli);
      await writeFile(cli, `#!/bin/sh\nprintf '%s\\n' "$*" >> ${log}\nexec ${prepared.cli.path} "$@"\n`);
      await chmod(cli, 0o755);
      return {
        open,
        argumentLines: async () => {
          await unlink(cli);
          await symlink(prepared.cli.path, cli);
          return (await readFile(log, "utf8")).split("\n");
        },
      };
    },
  };
}

function lockFolder(layout: EngineLayout, stack: string): string {
  return path.join(layout.state, ".pulumi", "locks", "organization", "millwright", stack);
}

/** The error of ours that a promise must fail with. */
export async function errorOf(promise: Promise<unknown>): Promise<MillwrightError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MillwrightError) return error;
  throw new Error("expected a MillwrightError", { cause: error });
}
