import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";
import { exclusively } from "../processes/lock-file.ts";
import { identify } from "../processes/process-identity.ts";
import type { Engine, SessionRequest, StackConfig, StackSession } from "./engine.ts";
import { cliEnvironment, type EngineLayout } from "./layout.ts";
import type { SessionSetup } from "./messages.ts";
import type { PreparedEngine } from "./prepare.ts";
import { DEFAULT_PROGRAM } from "./project.ts";
import { breakDeadLocks, clearPendingOperations } from "./recovery.ts";
import { ChildSession, startChild, type SessionLimits } from "./session.ts";
import { SessionRecords } from "./session-record.ts";
import { bucketStore, folderStore, type StateStore } from "./state-store.ts";

export interface PulumiEngineOptions {
  readonly prepared: PreparedEngine;
  /** The bundled pack (dist/policy): nothing is previewed or deployed without it. */
  readonly policyPackDir: string;
  /** A module that exports `program`. */
  readonly programModule?: string;
  readonly limits?: Partial<SessionLimits>;
}

const LIMITS: SessionLimits = { cancelGraceMs: 15_000, silenceMs: 10 * 60_000 };

/** An open takes well under a second; one that holds the stack's lock longer was stopped in the middle. */
const OPEN_LIMIT_MS = 30_000;

const STACK_NAME = /^(platform|tenant)-[a-z0-9][a-z0-9-]{0,62}$/; // it becomes file names

/** The real engine: one child process per session, which runs the stack's program under the Automation API. */
export function pulumiEngine(options: PulumiEngineOptions): Engine {
  return { open: (request) => openSession(options, request) };
}

async function openSession(options: PulumiEngineOptions, request: SessionRequest): Promise<StackSession> {
  const { prepared, policyPackDir } = options;
  const { stack, fencingToken, signal } = request;
  if (!STACK_NAME.test(stack)) throw new MillwrightError("engine-failed", `${stack} is no name of a stack.`);
  if (!existsSync(path.join(policyPackDir, "PulumiPolicy.yaml"))) {
    const message = "The policy pack is missing, and nothing is deployed without it: run `npm run build`.";
    throw new MillwrightError("engine-failed", message);
  }
  if (signal?.aborted) throw new MillwrightError("operation-cancelled", "The operation was cancelled.");

  const { layout, cli, inherited } = prepared;
  const environment = cliEnvironment(layout, cli.path, inherited);
  const records = new SessionRecords(stack, layout.records, layout.bucket);
  const setup: SessionSetup = {
    stack,
    ...splitConfig(request.config),
    programModule: options.programModule ?? DEFAULT_PROGRAM,
    policyPack: policyPackDir,
    cliPath: path.join(layout.plugins, "pulumi"),
    cliVersion: cli.version,
    environment,
    workFolder: path.join(layout.work, `${stack}-${randomUUID()}`),
    projectFolder: layout.project,
    stateFolder: layout.state,
    bucket: layout.bucket,
    passphraseFile: layout.passphraseFile,
    recordFolder: layout.records,
    fencingToken: String(fencingToken),
  };
  // The child loads the SDK while the stack is being recovered; until it is told its setup it touches nothing.
  const child = startChild(environment);
  try {
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined)
      throw new MillwrightError("engine-failed", "The engine's process did not start.", { retryable: true });
    const open = async () => {
      const lastHost = await records.takeOver(fencingToken);
      const former =
        lastHost === undefined ? undefined : { host: lastHost, mayRun: layout.bucket !== undefined };
      await breakDeadLocks(stateStore(layout), stack, former);
      await records.recordChild(fencingToken, identity);
      const call = { cwd: layout.project, env: environment };
      await clearPendingOperations(cli.path, layout, stack, call);
      await mkdir(setup.workFolder, { recursive: true, mode: 0o700 });
    };
    await exclusively(path.join(layout.records, `${stack}.lock`), open, (ownerPid, waitedMs) => {
      if (waitedMs < OPEN_LIMIT_MS) return;
      const message = `Process ${ownerPid} has been opening stack ${stack} for too long.`;
      throw new MillwrightError("stack-locked", message, { retryable: true });
    });
    const limits = { ...LIMITS, ...options.limits };
    return new ChildSession(child, identity, setup, limits, request.onEvent ?? (() => undefined), signal);
  } catch (error) {
    child.once("error", () => undefined);
    child.kill("SIGKILL");
    await rm(setup.workFolder, { recursive: true, force: true });
    throw error;
  }
}

/** Where the CLI keeps stacks and their locks. */
function stateStore({ state, bucket }: EngineLayout): StateStore {
  return bucket === undefined ? folderStore(path.join(state, ".pulumi")) : bucketStore(bucket, ".pulumi");
}

function splitConfig(config: StackConfig): Pick<SessionSetup, "plainConfig" | "secretConfig"> {
  const entries = Object.entries(config);
  return {
    plainConfig: Object.fromEntries(
      entries.flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : [])),
    ),
    secretConfig: Object.fromEntries(
      entries.flatMap(([key, value]) => (typeof value === "string" ? [] : [[key, value.secret] as const])),
    ),
  };
}
