import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { install } from "../../automation/services/installation.ts";
import { TIMESCALE } from "../../automation/services/timescale.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { asCellRole } from "../../test/support/cell.ts";
import type { ServiceKind } from "../services.ts";

/** The yardstick: `\copy` of psql where there is one, otherwise the same by our driver. */
export async function copyFile(
  kind: ServiceKind,
  cell: CellSecret,
  copy: string,
  file: string,
): Promise<void> {
  if (kind === "real") await copyByPsql(cell, copy, file);
  else
    await asCellRole(cell, "ingest", (client) =>
      pipeline(createReadStream(file), client.query(copyFrom(`copy ${copy} from stdin`))),
    );
}

/** psql of the same Debian as the server. */
async function copyByPsql({ host, port, database, ingest }: CellSecret, copy: string, file: string) {
  const inherited = inheritedEnvironment();
  const root = await install(TIMESCALE, { inherited, progress: console.error });
  const input = await open(file);
  const psql = spawn(
    "chroot",
    [
      ...[root, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"],
      ...["-h", host, "-p", String(port), "-U", ingest.user, "-d", database],
      ...["-c", `\\copy ${copy} from pstdin`],
    ],
    {
      env: { ...inherited, LC_ALL: "C", PGPASSWORD: ingest.password },
      stdio: [input.fd, "ignore", "inherit"],
    },
  );
  const [code] = (await once(psql, "exit")) as [number | null];
  await input.close();
  if (code !== 0) throw new Error(`psql ended with ${code}`);
}
