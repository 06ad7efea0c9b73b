import { createHash } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { cellSecret, readCellSecret } from "../../data/cell/cell-secret.ts";
import { prepareCell } from "../../data/cell/prepare-cell.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { writeWhole } from "../../data/whole-file.ts";
import type { Engine, EngineEvent, StackConfig } from "../engine/engine.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
/** Everything that decides what `up` would do, and what the cells' schema would be. */
const PROGRAM_FILES = [
  "{stacks,components,providers,policy,model}/**/*.ts",
  "data/{cell,postgres-cluster}/**/*.{ts,sql}",
  "package-lock.json",
];

const builtMark = z.object({ fingerprint: z.string(), fencingToken: z.string() });

/** One shared cell of the platform stack. */
export interface SharedCell {
  readonly name: string;
  readonly tenantCapacity: number;
  /** An external server instead of an embedded cluster. */
  readonly url?: string;
}

export interface PlatformStackRequest {
  readonly home: string;
  readonly environment: string;
  readonly cells: readonly SharedCell[];
  /** The tenants' own cells, whose schema a new release brings up to date too. */
  readonly dedicatedCells: readonly string[];
}

/**
 * Builds the platform stack and prepares its cells; skipped when neither program nor config changed since it last
 * went well.
 */
export async function bringUpPlatformStack(
  request: PlatformStackRequest,
  engine: Engine,
  secrets: SecretStore,
  onEvent: (event: EngineEvent) => void,
): Promise<void> {
  const { home, environment, cells, dedicatedCells } = request;
  const config = stackConfig(request);
  const markFile = markFileOf(home);
  const mark = builtMark.safeParse(await readJson(markFile)).data;
  const fingerprint = await fingerprintOf(config);
  const known = await Promise.all(cells.map(({ name }) => secrets.get(`cell-${name}`)));
  if (mark?.fingerprint === fingerprint && known.every((secret) => secret !== undefined)) return;

  // Counts on, so that a start which was killed in the middle is fenced off by the next one; from the clock, so that
  // a mark that a power cut destroyed does not make every later start the lower one.
  const counted = BigInt(mark?.fencingToken ?? 0) + 1n;
  const clock = BigInt(Date.now());
  const fencingToken = counted > clock ? counted : clock;
  await writeMark(markFile, { fingerprint: "", fencingToken: String(fencingToken) });
  const session = await engine.open({
    stack: platformStackName(environment),
    config,
    fencingToken,
    onEvent,
  });
  try {
    await session.preview();
    await session.up();
    const outputs = await session.outputs();
    const built = z.record(z.string(), cellSecret).parse(outputs["cells"]);
    for (const [name, secret] of Object.entries(built)) {
      await prepareCell(secret);
      await secrets.put(`cell-${name}`, secret);
    }
  } finally {
    await session.close();
  }
  for (const name of dedicatedCells) {
    const secret = await readCellSecret(secrets, name);
    if (secret !== undefined) await prepareCell(secret); // otherwise its create is not that far yet, and prepares it
  }
  await writeMark(markFile, { fingerprint, fencingToken: String(fencingToken) });
}

/** The stack and the token that it was last brought up with; undefined before the first time. */
export async function platformStackOwner(
  home: string,
  environment: string,
): Promise<{ readonly stack: string; readonly fencingToken: bigint } | undefined> {
  const mark = builtMark.safeParse(await readJson(markFileOf(home))).data;
  if (mark === undefined) return undefined;
  return { stack: platformStackName(environment), fencingToken: BigInt(mark.fencingToken) };
}

const markFileOf = (home: string) => path.join(home, "platform.json");
const platformStackName = (environment: string) => `platform-${environment}`;

function stackConfig({ home, environment, cells }: PlatformStackRequest): StackConfig {
  const plain = cells.map(({ name, tenantCapacity, url }) => ({
    name,
    tenantCapacity,
    ...(url === undefined ? {} : { urlSecret: true }),
  }));
  const urls = cells.flatMap(({ name, url }) =>
    url === undefined ? [] : [[`millwright:cellUrl-${name}`, { secret: url }] as const],
  );
  return {
    "millwright:home": home,
    "millwright:environment": environment,
    "millwright:cells": JSON.stringify(plain),
    ...Object.fromEntries(urls),
  };
}

async function fingerprintOf(config: StackConfig): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const file of (await Array.fromAsync(glob(PROGRAM_FILES, { cwd: REPOSITORY }))).sort()) {
    hash.update(file).update(await readFile(path.join(REPOSITORY, file)));
  }
  return hash.digest("hex");
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch {
    return undefined; // absent or half written by a power cut: built again
  }
}

async function writeMark(file: string, mark: z.infer<typeof builtMark>): Promise<void> {
  await writeWhole(file, JSON.stringify(mark));
}
