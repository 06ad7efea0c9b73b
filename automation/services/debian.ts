import { runProgram } from "../engine/cli.ts";
import { isOnPath, missingService, type InstallOptions } from "./installation.ts";

const APT_LIMIT_MS = 15 * 60_000;
const SAY_EVERY_MS = 5_000;

/** Debian's package of each program that services need. */
const PACKAGES: Readonly<Record<string, string>> = {
  java: "default-jre-headless",
  mvn: "maven",
  mmdebstrap: "mmdebstrap",
  setpriv: "util-linux",
};

/**
 * Installs the programs that are missing, on Debian as root; elsewhere it leaves the complaint to whoever needs them.
 * @throws MillwrightError `service-missing` when apt-get fails
 */
export async function installPrograms({ inherited, progress }: InstallOptions): Promise<void> {
  const missing = Object.entries(PACKAGES).filter(([program]) => !isOnPath(program, inherited));
  if (missing.length === 0 || process.getuid?.() !== 0 || !isOnPath("apt-get", inherited)) return;
  const packages = missing.map(([, name]) => name);
  const startedAt = performance.now();
  const say = () =>
    progress(
      `apt-get install ${packages.join(" ")}: ${Math.round((performance.now() - startedAt) / 1_000)} s`,
    );
  say();
  const timer = setInterval(say, SAY_EVERY_MS);
  try {
    const env = { ...inherited, DEBIAN_FRONTEND: "noninteractive" };
    const calls = [
      ["update", "-qq"],
      ["install", "-y", "-qq", "--no-install-recommends", ...packages],
    ];
    for (const args of calls) {
      const { code, stderr } = await runProgram("apt-get", args, { env, limitMs: APT_LIMIT_MS });
      if (code !== 0) throw missingService(`apt-get ${args[0]} failed: ${stderr.trim().slice(-500)}`);
    }
  } finally {
    clearInterval(timer);
  }
}
