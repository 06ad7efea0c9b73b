import { readdir } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import * as z from "zod";
import { cellAddress, readCellSecret } from "../../../data/cell/cell-secret.ts";
import { readEdition, type Edition } from "../../../data/cell/edition.ts";
import { openPool } from "../../../data/pool.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { isAlive } from "../../processes/process-identity.ts";
import { readRunFile } from "../../platform/home.ts";
import type { Finding } from "./finding.ts";

const PROBE_TIMEOUT_MS = 5_000;

const readiness = z.looseObject({ checks: z.record(z.string(), z.looseObject({ ok: z.boolean() })) });

/** The service of this home folder: running and ready, or its port free to start it. */
export async function checkService(home: string, port: number): Promise<Finding> {
  const check = "service";
  const run = await readRunFile(home);
  if (run?.url !== undefined && isAlive(run.service)) return checkReadiness(run.url);
  if (port !== 0 && (await isListening(port))) {
    const remedy = "stop the program that listens there, or set PORT to another one";
    return { check, state: "wrong", found: `not running, and port ${port} is taken`, remedy };
  }
  const found = `not running; port ${port === 0 ? "is chosen at the start" : `${port} is free`}`;
  return { check, state: "ok", found, remedy: "npm start runs it" };
}

async function checkReadiness(url: string): Promise<Finding> {
  const check = "service";
  const remedy = "the service's own output says more; it goes on by itself when what is missing is back";
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    if (response.ok) return { check, state: "ok", found: `ready at ${url}` };
    const parsed = readiness.safeParse(await response.json().catch(() => undefined));
    const away = Object.entries(parsed.data?.checks ?? {})
      .filter(([, { ok }]) => !ok)
      .map(([name]) => name);
    return {
      check,
      state: "warning",
      found: `at ${url}, not ready: ${away.join(", ") || response.status}`,
      remedy,
    };
  } catch {
    return { check, state: "wrong", found: `its process runs, but ${url} does not answer`, remedy };
  }
}

/** One finding for each cell whose connection is known, with the rung of the ladder that its server stands on. */
export async function checkCells(home: string): Promise<Finding[]> {
  const folder = path.join(home, "secrets");
  const files = await readdir(folder).catch(() => []);
  const cells = files.flatMap((file) => /^cell-(.+)\.json$/.exec(file)?.[1] ?? []);
  return Promise.all(cells.map((cell) => checkCell(cell, folder)));
}

async function checkCell(cell: string, secretsFolder: string): Promise<Finding> {
  const check = `cell ${cell}`;
  const remedy = "npm start brings embedded cells up; a server of your own must accept connections";
  const secret = await readCellSecret(folderSecretStore(secretsFolder), cell);
  if (secret === undefined) return { check, state: "warning", found: "not built", remedy };
  const options = { max: 1, applicationName: "millwright-doctor", statementTimeoutMs: PROBE_TIMEOUT_MS };
  const pool = openPool(cellAddress(secret, "query"), options);
  try {
    return { check, state: "ok", found: editionText(await readEdition(pool)) };
  } catch {
    return { check, state: "wrong", found: `${secret.host}:${secret.port} does not answer`, remedy };
  } finally {
    await pool.end();
  }
}

function editionText({ rung, postgresVersion, timescaleVersion = "" }: Edition): string {
  const server = `PostgreSQL ${postgresVersion}`;
  if (rung === "plain") return `plain PostgreSQL (${server})`;
  const edition = rung === "timescaledb-community" ? "community TimescaleDB" : "Apache TimescaleDB";
  return `${edition} ${timescaleVersion} (${server})`;
}

function isListening(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: "127.0.0.1", timeout: PROBE_TIMEOUT_MS });
  return new Promise<boolean>((resolve) => {
    socket
      .once("connect", () => resolve(true))
      .once("error", () => resolve(false))
      .once("timeout", () => resolve(true));
  }).finally(() => socket.destroy());
}
