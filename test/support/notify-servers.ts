import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { install, type Installation } from "../../automation/services/installation.ts";
import { shellEnvironment } from "../../environment.ts";
import { hasCode } from "../../model/errors.ts";
import { eventually } from "./eventually.ts";
import { skipBecause } from "./skip.ts";

/** An SMTP server and moto, which speaks AWS's language, from PyPI in a folder of their own. */
export const NOTIFY_SERVERS: Installation = {
  name: "notify-python-moto-5.2.5-aiosmtpd-1.4.6",
  title: "SMTP server and moto",
  programs: ["python3"],
  command: (folder) => [
    "sh",
    "-c",
    'python3 -m venv "$1" && "$1/bin/python" -m pip install --quiet "moto[server]==5.2.5" aiosmtpd==1.4.6',
    "sh",
    folder,
  ],
};

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as they came over the wire. */
  readonly data: string;
  readonly isTls: boolean;
  readonly login: string | null;
}

/** Skips the suite where this machine has no Python. @param mode - see smtp-server.py */
export async function smtpServer(context: Mocha.Context, mode: "plain" | "tls" = "plain") {
  const child = await startPython(context, [path.join(import.meta.dirname, "smtp-server.py"), mode]);
  const received: Mail[] = [];
  const lines = createInterface({ input: child.stdout! });
  const [first] = (await once(lines, "line")) as [string];
  const { port, certificate } = JSON.parse(first) as { port: number; certificate: string | null };
  lines.on("line", (line) => received.push(JSON.parse(line) as Mail));
  return { received, port, certificate, close: () => end(child) };
}

/** AWS's SNS and SES of one test; the address of its HTTP server. Skips the suite where this machine has no Python. */
export async function motoServer(context: Mocha.Context) {
  const port = await freePort();
  const child = await startPython(context, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)]);
  const url = `http://127.0.0.1:${port}`;
  await eventually("moto", async () => (await fetch(`${url}/moto-api/data.json`)).ok, 60_000);
  return { url, close: () => end(child) };
}

async function startPython(context: Mocha.Context, args: readonly string[]): Promise<ChildProcess> {
  const inherited = shellEnvironment();
  const progress = (line: string) => console.error(line);
  const folder = await install(NOTIFY_SERVERS, { inherited, progress }).catch((error: unknown) => {
    if (hasCode(error, "service-missing")) return skipBecause(context, "python", error.message);
    throw error;
  });
  // its stdin is a pipe of ours: an orphan of a killed test ends by it, and moto by its parent's signal
  return spawn(path.join(folder, "bin", "python"), args, {
    env: inherited,
    stdio: ["pipe", "pipe", "ignore"],
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
