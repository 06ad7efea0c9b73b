import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { inheritedEnvironment } from "../../environment.ts";
import { HANDLER_NODE_OPTIONS } from "../../handlers/node-options.ts";
import { endProcess, identify, type ProcessIdentity } from "../processes/process-identity.ts";

const ENTRY = fileURLToPath(new URL("../../handlers/host.ts", import.meta.url));
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5_000; // a host that dies at once, again and again, must not eat a core
const STOP_GRACE_MS = 10_000;
const METRICS_TIMEOUT_MS = 2_000;

/** The one process that runs the handlers locally, kept up. */
export interface HandlerHost {
  /** Resolves when the host of now has reported that its consumers run. */
  readonly ready: () => Promise<void>;
  /** The host's metrics in Prometheus text; empty while it is down, which `/readyz` tells. */
  readonly metrics: () => Promise<string>;
  readonly isUp: () => boolean;
  readonly stop: () => Promise<void>;
}

/** @param env - settings of the host; @param onStart - told of each new process, for run.json */
export function keepHandlerHost(
  env: Readonly<Record<string, string>>,
  onStart: (identity: ProcessIdentity) => void,
  logger: Logger,
): HandlerHost {
  let child: ChildProcess | undefined;
  let isStopping = false;
  let isUp = false;
  let restartMs = FIRST_RESTART_MS;
  let whenReady = Promise.withResolvers<undefined>();

  const start = () => {
    // A session of its own: Ctrl-C of the terminal reaches the service only, which then stops the host in order.
    const compileCache = getCompileCacheDir();
    const cache = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache };
    const execArgv = [...HANDLER_NODE_OPTIONS];
    const options = { env: { ...inheritedEnvironment(), ...cache, ...env }, detached: true, execArgv };
    const host = fork(ENTRY, [], { ...options, stdio: ["ignore", 2, 2, "ipc"] });
    child = host;
    const identity = host.pid === undefined ? undefined : identify(host.pid);
    if (identity !== undefined) onStart(identity);
    host.on("message", (message) => {
      if ((message as { kind?: string }).kind !== "ready") return;
      isUp = true;
      restartMs = FIRST_RESTART_MS;
      whenReady.resolve(undefined);
    });
    host.once("exit", (code, signal) => {
      if (isUp) whenReady = Promise.withResolvers();
      isUp = false;
      if (isStopping) return;
      logger.error({ code, signal, restartMs }, "handler host ended; starting it again");
      setTimeout(() => {
        if (!isStopping) start();
      }, restartMs);
      restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS);
    });
  };
  start();

  return {
    ready: () => whenReady.promise,
    isUp: () => isUp,
    metrics: () => (isUp && child !== undefined ? askForMetrics(child) : Promise.resolve("")),
    async stop() {
      isStopping = true;
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const identity = identify(child.pid);
      const exit = once(child, "exit");
      if (child.connected) child.disconnect(); // the host takes this as: finish the batch in hand, then end
      const isGone = await Promise.race([exit.then(() => true), timeout(STOP_GRACE_MS)]);
      if (!isGone && identity !== undefined) await endProcess(identity, 0);
    },
  };
}

async function askForMetrics(child: ChildProcess): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    const listen = (message: unknown) => {
      const { kind, text } = message as { kind?: string; text?: string };
      if (kind !== "metrics") return;
      child.off("message", listen);
      resolve(text ?? "");
    };
    child.on("message", listen);
    setTimeout(() => child.off("message", listen), METRICS_TIMEOUT_MS).unref();
  });
  child.send({ kind: "metrics" });
  return Promise.race([answer, timeout(METRICS_TIMEOUT_MS).then(() => "")]);
}

function timeout(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}
