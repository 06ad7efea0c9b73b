import { fileURLToPath } from "node:url";
import { inheritedEnvironment, readSettings } from "../../../environment.ts";
import { checkEngine } from "./engine.ts";
import type { Finding } from "./finding.ts";
import { checkHome, checkNode, checkPackages, checkPostgres } from "./installation.ts";
import { checkLog } from "./log.ts";
import { checkCells, checkService } from "./running.ts";

/**
 * Looks at everything that the platform needs, in the order in which a start needs it; changes nothing.
 * @throws MillwrightError `setting-invalid`: with a wrong setting every other finding could be about the wrong place
 */
export async function examine(): Promise<Finding[]> {
  const { home, port, kafka } = readSettings();
  const repository = fileURLToPath(new URL("../../..", import.meta.url));
  return [
    checkNode(process.versions.node),
    await checkPackages(repository),
    checkPostgres(),
    await checkEngine(home, inheritedEnvironment()),
    await checkHome(home),
    await checkService(home, port),
    await checkLog(home, kafka),
    ...(await checkCells(home)),
  ];
}
