import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_VERSION, runProgram } from "./cli.ts";
import { checkCli, type FailedWay, type FoundCli } from "./find-cli.ts";

const DOWNLOAD_SITE = "https://get.pulumi.com/";
const REACH_LIMIT_MS = 5_000;
const INSTALL_LIMIT_MS = 10 * 60_000; // 70 MB, also over a slow line
const INSTALLER = fileURLToPath(new URL("official-install.ts", import.meta.url));

/** Whether the vendor's download site answers; false at once on a closed machine. */
export async function isDownloadSiteReachable(): Promise<boolean> {
  return fetch(DOWNLOAD_SITE, { method: "HEAD", signal: AbortSignal.timeout(REACH_LIMIT_MS) }).then(
    () => true,
    () => false,
  );
}

/** The official installation of the pinned version into `root/bin`, by the Automation API's own installer. */
export async function installCli(
  root: string,
  env: Readonly<Record<string, string>>,
): Promise<FoundCli | FailedWay> {
  const installing = `${root}.installing-${process.pid}`;
  try {
    // A process of its own: the Automation API weighs 150 MB, which the service must not carry.
    const args = [INSTALLER, ENGINE_VERSION, installing];
    const { code, stderr } = await runProgram(process.execPath, args, { env, limitMs: INSTALL_LIMIT_MS });
    if (code !== 0)
      return { reason: `the official installation failed: ${stderr.trim().split("\n").at(-1) ?? ""}` };
    await rm(root, { recursive: true, force: true });
    await rename(installing, root);
    return await checkCli(path.join(root, "bin", "pulumi"), "official");
  } finally {
    await rm(installing, { recursive: true, force: true });
  }
}
