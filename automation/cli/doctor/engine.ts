import { findEngine } from "../../engine/prepare.ts";
import type { Finding } from "./finding.ts";

const SOURCES = {
  path: "found on PATH",
  cache: "the copy of an earlier start",
  official: "the official installation",
  built: "built from Go modules",
};

/** Which Pulumi CLI the next start would use; it would get one where there is none. */
export async function checkEngine(
  home: string,
  inherited: Readonly<Record<string, string>>,
): Promise<Finding> {
  const check = "engine";
  const { cli, reasons } = await findEngine({ home, inherited });
  if (cli !== undefined) {
    return { check, state: "ok", found: `Pulumi ${cli.version}, ${SOURCES[cli.source]}: ${cli.path}` };
  }
  const found = `none yet: ${reasons.map(({ reason }) => reason).join("; ")}`;
  const remedy =
    "npm start downloads it, or builds it where Go is installed; or install Pulumi from pulumi.com/docs/install";
  return { check, state: "warning", found, remedy };
}
